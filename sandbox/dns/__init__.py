"""Name servers for the zones of the sandbox, and the DNS API of Cloudflare."""
