"""Records what Hugging Face's tokenizers gives for a set of texts, for machines without Python.

usage: record_tokens.py, in the project's root; it writes Fixtures/tokenizers.

`deepseek-splits.json` is the nano model's vocabulary under DeepSeek's splits and some of its markers;
`recorded.json` holds texts with the tokens of that tokenizer and of the nano model's.
"""

import json
import pathlib

from tokenizers import Tokenizer

TEXTS = [
    "", " ", "  ", "\n", "\r\n", "\t\t x", "Hello, world!", "  leading and trailing  ", "a\n\n  b \n c",
    "ROMEO:\nO, she doth teach the torches to burn bright!", "It's we'll they've I'm you'd can't he'S",
    "1 22 333 4444 55555 3.14159 1,000,000 ½ ² Ⅷ ٣٤٥ १२३४", "x=1;y+=2//c\n\tif(a&&b){return c[i++];}",
    "snake_case camelCase $HOME #tag @user ~/.bashrc <b>bold</b> \\n \"quoted\" 'single'",
    "中文分词没有空格，标点也不同。混合English和123数字。", "日本語のテキスト、カタカナとひらがな。", "ゟ\u3097\u3098゙ヿ\u3100龥\u9fa6", "한국어 문장입니다.",
    "Привет, мир! Ещё раз.", "مرحبا بالعالم", "שלום עולם", "ภาษาไทยไม่มีช่องว่าง", "हिन्दी में लिखा",
    "😀 👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️", "e\u0301 n\u0303 a\u0308\u0323 \u0301alone", "ﬁ ﬂ Ǆ ß ŉ",
    "\u00a0nbsp\u2003em\u3000ideographic\u200bzero\u2028line\u2029para\u0085nel", "\x00\x01\x02control\x1b[0m\x7f\x80\x9f",
    "end with spaces   ", "end with newline\n", "a  b   c    d", "\n \n \n", " \r\n\r\n  x", "!!!???...,,,", " !a ?b .c",
    "$x$ €5 £6 ¥7 ∑∏√∞≠ →←↑↓ ░▒▓", "'", "''s", " 's", "’s “quoted” ‘single’ — – …", "\ufeffBOM", "\ufffd\ufffe",
    "\U0001d54f\U0001d7d9\U0002000b\U000e0001", "<think>reason</think>answer", "<｜User｜>hi<｜Assistant｜></think>ok",
    "<｜begin▁of▁sentence｜>x<｜end▁of▁sentence｜>", "<think", "<<think>>", "｜DSML｜tool", "a<|EOT|>b",
    "ＡＢＣ１２３ full width", "ⅰⅱⅲ ①②③ ㈠", "x²+y²=z²", "don't\u2019s", "\u1160\u0300\u200d", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 9,
    "." * 100, " " * 100 + "x", "\n" * 50, "0" * 50, "好" * 60, "\u0301" * 20,
]


def deepseek_splits():
    nano = json.loads(pathlib.Path("Models/v4-nano/tokenizer.json").read_bytes())
    patterns = [
        r"\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ]
    splits = [
        {"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in patterns
    ]
    bytes_alone = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    nano["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": splits + [bytes_alone]}
    nano["normalizer"] = {"type": "Sequence", "normalizers": []}
    markers = ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "｜DSML｜", "<|EOT|>"]
    for offset, content in enumerate(markers):
        nano["added_tokens"].append({
            "id": 1024 + offset, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": True, "special": False})
    # The older form of merges.
    nano["model"]["merges"] = [" ".join(m) if isinstance(m, list) else m for m in nano["model"]["merges"]]
    return nano


folder = pathlib.Path("Fixtures/tokenizers")
(folder / "deepseek-splits.json").write_text(json.dumps(deepseek_splits(), ensure_ascii=False, indent=0) + "\n")
recorded = {"texts": TEXTS}
for name, path in [("nano", "Models/v4-nano/tokenizer.json"), ("deepseek-splits", folder / "deepseek-splits.json")]:
    tokenizer = Tokenizer.from_file(str(path))
    recorded[name] = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
(folder / "recorded.json").write_text(json.dumps(recorded, ensure_ascii=False) + "\n")
