"""The list of all tables and figures."""

from .items import SCALES, Item, items_of, papers


def list_items(paper: str | None = None) -> str:
    """Return a line per item: what it shows and at which scales it can be run, and what these need.

    Args:
        paper: Short name of a paper; all when None.

    Raises:
        ValueError: There is no such paper.
    """
    items = [item for name in ([paper] if paper else papers()) for item in items_of(name).values()]
    width = max(len(_name(item)) for item in items)
    lines = [f'{_name(item):{width}}  {item.shows} ({_scales(item)})' for item in items]
    needs = [f'  {scale:10}  {data}: {needs}' for scale, (data, needs) in SCALES.items()]
    return '\n'.join([*lines, '', 'scales, and what they need:', *needs])


def _name(item: Item) -> str:
    return f'{item.paper} {item.name}'


def _scales(item: Item) -> str:
    return 'a drawing: nothing to run' if item.kind == 'diagram' else ', '.join(item.scales)
