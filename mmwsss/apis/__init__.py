"""The commands: argparse around `mmwsss.pipeline`; `tools/` calls them."""
