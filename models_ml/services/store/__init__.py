"""Facts and features as checked Parquet files, beside the database."""
