"""`python -m spanproof`."""

from spanproof.cli import command

command()
