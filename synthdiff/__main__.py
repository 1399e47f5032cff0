"""``python -m synthdiff`` is the command ``synthdiff``."""

from synthdiff.cli import main

main(prog_name="synthdiff")
