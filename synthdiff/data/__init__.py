"""Tables in and out of files, and their split into a training and a held-out part.

Importing this package registers the formats; a new one is a file beside these and a line here.
"""

from synthdiff.data.csv import Csv
from synthdiff.data.format import Format, format_of, read_table, write_table
from synthdiff.data.parquet import Parquet
from synthdiff.data.spelling import declare_missing
from synthdiff.data.split import split

__all__ = ["Csv", "Format", "Parquet", "declare_missing", "format_of", "read_table", "split", "write_table"]
