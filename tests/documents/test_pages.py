"""Documents that take seconds are run from their first block to their last."""

import pytest
from doc_plan import PLANS
from doc_tree import read_page


@pytest.mark.parametrize('page', [page for page, plan in PLANS.items() if not plan.long])
def test_a_page_is_run(page, tmp_path):
    read_page(page, tmp_path)
