"""
`python -P -m byodkim_provider` is `byodkim`; without `-P` Python imports what the current folder
has.
"""

from byodkim_provider.cli import main

if __name__ == "__main__":
    main(prog_name="byodkim")
