"""What every app's part of the REST API is built from: parsing, errors, access, resources."""
