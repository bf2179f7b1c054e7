"""All targets there are."""

from tests.fuzz import cli, configuration, dns, keys, plugin, ses

TARGETS = (
    *configuration.TARGETS,
    *keys.TARGETS,
    *ses.TARGETS,
    *dns.TARGETS,
    *plugin.TARGETS,
    *cli.TARGETS,
)
