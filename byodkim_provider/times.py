"""Moments as text, as the state and JSON have them."""

from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """Parses what `timestamp` returned."""
    return datetime.fromisoformat(text)


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC, to the second: `2026-11-25T13:05:00Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
