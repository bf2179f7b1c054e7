"""`python -m byodkim_provider` is `byodkim`."""

from byodkim_provider.cli import main

if __name__ == "__main__":
    main(prog_name="byodkim")
