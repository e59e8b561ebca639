"""CSV and Parquet files of any layout, read by a mapping that an operator wrote."""

from markets.connectors.csv_import.parser import CsvImport

__all__ = ["CsvImport"]
