"""Tables in and out of files, and their split into a training and a held-out part.

Importing this package registers the formats; a new one is a file beside these and a line here.
"""

from synthdiff.data.csv import Csv
from synthdiff.data.format import Format, format_of, read_table, write_table
from synthdiff.data.headers import header_concerns
from synthdiff.data.nifti import write_nifti
from synthdiff.data.parquet import Parquet
from synthdiff.data.spelling import declare_missing
from synthdiff.data.split import split
from synthdiff.data.volumes import read_volumes, split_subjects

__all__ = [
    "Csv",
    "Format",
    "Parquet",
    "declare_missing",
    "format_of",
    "header_concerns",
    "read_table",
    "read_volumes",
    "split",
    "split_subjects",
    "write_nifti",
    "write_table",
]
