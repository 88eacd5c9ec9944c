"""Trains the byte-level BPE vocabulary of engine-sim; see scripts/generate/tokenizer."""

import heapq
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "scripts/generate/corpus.txt"
OUTPUT = ROOT / "Sources/EngineSimulator/Tokens/TrainedMerges.swift"
MERGES = 4096
LINE = 118
# Plain English, before this line of the corpus, counts so many times: the comments behind it are three times as long.
DIVIDER = "\n=====\n"
PROSE_WEIGHT = 4
SPECIAL = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
ENDINGS = ("s", "t", "m", "d", "re", "ve", "ll")

HEAD = '''\
// Made by scripts/generate/tokenizer from scripts/generate/corpus.txt; do not edit.

/// What training found, in the order in which it was found.
enum TrainedMerges {
  /// Pairs of tokens that are joined, the left one before the right one, the most frequent pair first. Bytes are written
  /// as `ByteAlphabet` writes them.
  static let text = #"""
'''
TAIL = '''\
    """#
}
'''


def letter_of_byte() -> list[str]:
    """A visible character for every byte: itself where it is one, else one from U+0100 on."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]


def kind(character: str) -> str:
    if character in "\r\n":
        return "newline"
    if character in "\t\v\f \u0085\u2028\u2029" or unicodedata.category(character) == "Zs":
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")


def pieces(text: str):
    """What is merged each for itself: words with what stands before them, digits, signs, white space."""
    kinds = [kind(character) for character in text] + ["end"]

    def run(start: int, *wanted: str) -> int:
        while kinds[start] in wanted:
            start += 1
        return start

    start = 0
    while start < len(text):
        end = start + 1
        ending = next((e for e in ENDINGS if text[end : end + len(e)].lower() == e), None)
        if text[start] == "'" and ending is not None:
            end += len(ending)
        elif kinds[start] == "letter" or (kinds[start] in ("space", "other") and kinds[end] == "letter"):
            end = run(end, "letter")
        elif kinds[start] == "number":
            pass
        elif kinds[start] == "other" or (text[start] == " " and kinds[end] == "other"):
            end = run(run(end, "other"), "newline")
        else:
            end = run(start, "space", "newline")
            newlines = [at for at in range(start, end) if kinds[at] == "newline"]
            if newlines:
                end = newlines[-1] + 1
            elif kinds[end] != "end" and end - start > 1:
                end -= 1
        yield text[start:end]
        start = end


def merged(word: list[int], left: int, right: int, new: int) -> list[int]:
    output, index = [], 0
    while index < len(word):
        if word[index : index + 2] == [left, right]:
            output.append(new)
            index += 2
        else:
            output.append(word[index])
            index += 1
    return output


def train(text: str) -> list[tuple[int, int]]:
    """The most frequent pair of neighbours becomes a token, and so on; of equally frequent ones the smaller bytes."""
    prose, _, comments = text.partition(DIVIDER)
    counted = Counter(pieces(comments))
    for piece, count in Counter(pieces(prose)).items():
        counted[piece] += PROSE_WEIGHT * count
    words = [list(piece.encode()) for piece in sorted(counted)]
    weights = [counted[piece] for piece in sorted(counted)]
    tokens = [bytes([byte]) for byte in range(256)]
    counts: Counter = Counter()
    places = defaultdict(set)
    for index, word in enumerate(words):
        for pair in zip(word, word[1:]):
            counts[pair] += weights[index]
            places[pair].add(index)

    def entry(pair):
        return (-counts[pair], tokens[pair[0]], tokens[pair[1]], pair)

    heap = [entry(pair) for pair in counts]
    heapq.heapify(heap)
    merges = []
    while len(merges) < MERGES and heap:
        found = heapq.heappop(heap)
        pair = found[3]
        if -found[0] != counts[pair]:
            if counts[pair] > 0:
                heapq.heappush(heap, entry(pair))
            continue
        if counts[pair] < 2:
            break
        new = len(tokens)
        tokens.append(tokens[pair[0]] + tokens[pair[1]])
        merges.append(pair)
        changed = set()
        for index in places.pop(pair):
            before, after = words[index], merged(words[index], *pair, new)
            for old in zip(before, before[1:]):
                counts[old] -= weights[index]
            for fresh in zip(after, after[1:]):
                counts[fresh] += weights[index]
                places[fresh].add(index)
                changed.add(fresh)
            words[index] = after
        del counts[pair]
        for fresh in changed:
            heapq.heappush(heap, entry(fresh))
    return merges


def token_bytes(merges: list[tuple[int, int]]) -> list[bytes]:
    tokens = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


def source(merges: list[tuple[int, int]]) -> str:
    letters = letter_of_byte()
    tokens = ["".join(letters[byte] for byte in token) for token in token_bytes(merges)]
    lines, line = [], ""
    for word in (tokens[token] for pair in merges for token in pair):
        if line and len(line) + 1 + len(word) > LINE - 4:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    lines.append(line)
    return HEAD + "".join(f"    {line}\n" for line in lines) + TAIL


def encode(text: str, merges: list[tuple[int, int]]) -> list[int]:
    """The slow way: a piece that is a token stands for itself, in others the earliest pair is joined again and again."""
    ranks = {pair: 256 + rank for rank, pair in enumerate(merges)}
    whole = {token: number for number, token in enumerate(token_bytes(merges))}
    output: list[int] = []
    while text:
        found = min(((text.find(name), name) for name in SPECIAL if name in text), default=(len(text), ""))
        for piece in pieces(text[: found[0]]):
            word = list(piece.encode())
            if piece.encode() in whole:
                word = [whole[piece.encode()]]
            while True:
                best = min((ranks[pair] for pair in zip(word, word[1:]) if pair in ranks), default=None)
                if best is None:
                    break
                word = merged(word, *merges[best - 256], best)
            output += word
        if found[1]:
            output.append(SPECIAL[found[1]])
        text = text[found[0] + len(found[1]) :]
    return output


def main() -> int:
    arguments = sys.argv[1:]
    merges = train(CORPUS.read_text(encoding="utf-8"))
    if arguments[:1] == ["--encode"]:
        print(*encode(" ".join(arguments[1:]), merges))
        return 0
    made = source(merges)
    if arguments == ["--check"]:
        if not OUTPUT.exists() or OUTPUT.read_text(encoding="utf-8") != made:
            print("generate/tokenizer: error: the vocabulary is not current: run scripts/generate/tokenizer", file=sys.stderr)
            return 1
        print("generate/tokenizer: current")
        return 0
    OUTPUT.write_text(made, encoding="utf-8")
    print(f"generate/tokenizer: wrote {len(merges)} merges")
    return 0


if __name__ == "__main__":
    sys.exit(main())
