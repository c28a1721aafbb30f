"""The commands: one module per command, with its parser and its call.

A module has `HELP` (one line), `EXAMPLE` (a command line), `add_arguments(parser)` and
`run(arguments)`. On its first level it imports nothing that takes time: `mmwsss --help` answers at
once, and a config that does not exist is refused before torch is imported.
"""
