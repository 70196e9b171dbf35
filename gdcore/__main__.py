"""`python -m gdcore`: the command line."""

from .cli import main

raise SystemExit(main())
