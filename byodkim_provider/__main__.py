"""`python -m byodkim_provider` is `byodkim`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` looks for every module in the current folder first, where anybody may have put a `click.py`.
        del sys.path[0]
    from byodkim_provider.cli import main

    main(prog_name="byodkim")
