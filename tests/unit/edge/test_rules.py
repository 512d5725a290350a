from edge.core.behaviours import Behaviour, Behaviours
from edge.rules import Rules

OLD = Behaviours([Behaviour("/a", digest="a1"), Behaviour("/b", digest="b1")])
NEW = Behaviours([Behaviour("/a", digest="a1"), Behaviour("/b", digest="b2")])


def test_those_who_go_by_the_same_behaviours_agree() -> None:
    assert Rules(OLD).agree(OLD.digest)
    assert not Rules(OLD).agree(NEW.digest)
    assert not Rules(OLD).agree(None)
    assert Rules(Behaviours()).agree(Behaviours([]).digest)


def test_nobody_agrees_with_who_still_has_what_was_stored_under_others() -> None:
    rules = Rules(OLD)
    rules.current, rules.is_settled = NEW, False
    assert not rules.agree(NEW.digest)
    assert not rules.agree(OLD.digest)
