"""The Python API: what a program calls. The commands are in `mmwsss.commands`."""
