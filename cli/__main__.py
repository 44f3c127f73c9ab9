"""`python -m cli`: the `syncline` command."""

from cli.main import main

main()
