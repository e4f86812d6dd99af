"""What a query is for given values of the constants, worked out with plain numbers: slow, obvious, nothing shared."""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

Tree = Any
TOKEN = re.compile(r";[^\n]*|[()]|[^\s()]+")


def trees(text: str) -> list[Tree]:
    """Nested lists of words."""
    stack: list[list[Tree]] = [[]]
    for token in TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif not token.startswith(";"):
            stack[-1].append(token)
    return stack[0]


class Evaluation:
    """Walks a script under values: pairs of a number and a width, 0 for Bool."""

    def __init__(self, values: dict[str, tuple[int, int]]) -> None:
        self.values = values
        self.functions: dict[str, tuple[list[str], Tree]] = {}

    def answers(self, text: str) -> list[bool]:
        """Per query, whether all assertions in force hold."""
        found: list[bool] = []
        asserted: list[list[bool]] = [[]]
        for command, *rest in trees(text):
            if command == "define-fun":
                self.functions[rest[0]] = ([name for name, _ in rest[1]], rest[3])
            elif command == "assert":
                asserted[-1].append(bool(self.value(rest[0], {})[0]))
            elif command == "push":
                asserted.append([])
            elif command == "pop":
                asserted.pop()
            elif command == "check-sat":
                found.append(all(each for level in asserted for each in level))
        return found

    def value(self, tree: Tree, local: dict[str, tuple[int, int]]) -> tuple[int, int]:
        if isinstance(tree, str):
            return self.word(tree, local)
        head, *rest = tree
        if head == "_":
            return int(rest[0][2:]), int(rest[1])
        if head == "let":
            bound = {name: self.value(term, local) for name, term in rest[0]}
            return self.value(rest[1], {**local, **bound})
        if isinstance(head, list):
            upper, lower = int(head[2]), int(head[3])
            number, _ = self.value(rest[0], local)
            return number >> lower & (1 << upper - lower + 1) - 1, upper - lower + 1
        given = [self.value(each, local) for each in rest]
        if head in self.functions:
            names, body = self.functions[head]
            return self.value(body, dict(zip(names, given, strict=True)))
        return operator(head, [number for number, _ in given], [width for _, width in given])

    def word(self, word: str, local: dict[str, tuple[int, int]]) -> tuple[int, int]:
        if word in {"true", "false"}:
            return int(word == "true"), 0
        if word.startswith("#b"):
            return int(f"0b{word[2:]}", 0), len(word) - 2
        if word.startswith("#x"):
            return int(f"0x{word[2:]}", 0), 4 * (len(word) - 2)
        if word in local:
            return local[word]
        return self.values[word] if word in self.values else self.value(self.functions[word][1], {})


def operator(name: str, given: list[int], widths: list[int]) -> tuple[int, int]:
    """An operator on numbers."""
    width = widths[-1]
    full = (1 << max(width, 1)) - 1
    match name:
        case "not" | "bvnot":
            return given[0] ^ full, width
        case "and" | "bvand":
            return reduce(int.__and__, given), width
        case "or" | "bvor":
            return reduce(int.__or__, given), width
        case "xor" | "bvxor":
            return reduce(int.__xor__, given), width
        case "=>":
            return int(not all(given[:-1]) or given[-1]), 0
        case "ite":
            return (given[1] if given[0] else given[2]), width
        case "=":
            return int(len(set(given)) == 1), 0
        case "distinct":
            return int(len(set(given)) == len(given)), 0
        case "concat":
            number = 0
            for each, bits in zip(given, widths, strict=True):
                number = number << bits | each
            return number, sum(widths)
    compared = {"bvule": given[0] <= given[1], "bvult": given[0] < given[1]}
    compared |= {"bvuge": given[0] >= given[1], "bvugt": given[0] > given[1]}
    return int(compared[name]), 0
