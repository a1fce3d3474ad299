"""How routing works, shown: a name explained, a combo rehearsed, how combos did."""
