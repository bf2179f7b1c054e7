"""
Every domain of the stack file: its keys, records and SES identities, and SES's verdict on them.
"""

from byodkim_provider import declare_stack

declare_stack()
