"""
The plugin `byodkim` for programs in every Pulumi language (preview): a server of the engine's own
protocol.

`domain` declares what such a program asks for, by the component that Python programs use;
`servicer` serves the resources, by their providers; `package` is what languages generate their SDK
from.
"""
