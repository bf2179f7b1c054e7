"""Stands in for `dig +short TYPE NAME`, with the sandbox's resolver."""

import os
import sys

import dns.message
import dns.query


def main(short: str, kind: str, name: str) -> None:
    assert short == "+short"
    host, _, port = os.environ["SANDBOX_DNS"].rpartition(":")
    answer = dns.query.tcp(dns.message.make_query(name, kind), host, port=int(port), timeout=5)
    for records in answer.answer:
        print(*records, sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
