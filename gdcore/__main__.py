"""`python -m gdcore`: the command line."""

from .cli.main import main

raise SystemExit(main())
