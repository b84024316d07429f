"""Collections of garbage during a test are short."""

import gc


def test_a_collection_leaves_out_what_was_there_before_the_module() -> None:
    assert gc.get_freeze_count() > len(gc.get_objects())
