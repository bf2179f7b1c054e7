"""All targets there are."""

from tests.fuzz import cli, configuration, dns, hostile, keys, plugin, ses

TARGETS = (
    *configuration.TARGETS,
    *keys.TARGETS,
    *ses.TARGETS,
    *dns.TARGETS,
    *hostile.TARGETS,
    *plugin.TARGETS,
    *cli.TARGETS,
)
