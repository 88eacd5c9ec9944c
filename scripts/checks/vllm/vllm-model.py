"""Makes a model for engines on a CPU: a Llama with random weights, and a byte-level BPE tokenizer trained on the sources of Python's
standard library. Run with vLLM's Python: vllm-model.py FOLDER small|large. The small one is for protocols; with the large one (30 M
parameters) computing a prompt takes most of a request's time."""

import json
import sys
import sysconfig
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import LlamaConfig, LlamaForCausalLM

VOCABULARY = 8192
SIZES = {
    "small": {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
              "intermediate_size": 128},
    "large": {"hidden_size": 512, "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 64,
              "intermediate_size": 1408},
}  # fmt: skip
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# ChatML, with the default system message that Qwen's template has.
TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer() -> Tokenizer:
    files = sorted(str(path) for path in Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:150]
    result = Tokenizer(BPE(fuse_unk=False))
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    result.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL), show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    result.train(files, trainer)
    result.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    return result


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 8192,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    torch.manual_seed(0)
    # vLLM's attention for CPUs takes heads of 32 and some larger sizes.
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY, **SIZES[sys.argv[2]], max_position_embeddings=8192,
            eos_token_id=words.token_to_id("<|im_end|>"), pad_token_id=words.token_to_id("<|endoftext|>"), bos_token_id=None,
            tie_word_embeddings=True,
        )
    )  # fmt: skip
    model.to(torch.bfloat16).save_pretrained(folder)


main()
