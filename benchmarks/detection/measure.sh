#!/usr/bin/env bash
# Measure how well a network's attacks are detected: profile, then fit and evaluate each tier.
#
#   benchmarks/detection/measure.sh digits|lenet5|cifar-resnet20|mobilenet_v2 DATA OUT [SEED]
#
# DATA is the folder with mnist.npz, cifar10-jpeg.zip, imagenette160.zip and mobilenet_v2-imagenet.safetensors
# (digits needs none of them: pass any word). OUT gets bundles, JSON figures and HTML reports. SEED, 0 unless
# given, decides who is profiled, fitted on, calibrated on and tested on, and all chance in the attacks.
set -euo pipefail

network=$1 data=$2 out=$3 seed=${4:-0}
mkdir -p "$out"

case $network in
  digits) named=(--network digits-cnn --data digits) from=digits ;;
  lenet5) named=(--network lenet5 --data "$data/mnist.npz") from=$data/mnist.npz ;;
  cifar-resnet20) named=(--network cifar-resnet20 --data "$data/cifar10-jpeg.zip") from=$data/cifar10-jpeg.zip ;;
  mobilenet_v2)
    from=$data/imagenette160.zip
    python "$(dirname "$0")/ten_classes.py" "$data/mobilenet_v2-imagenet.safetensors" "$out/ten.safetensors"
    named=(--network torchvision:mobilenet_v2 --weights "$out/ten.safetensors" --data "$from") ;;
  *) echo "measure.sh: there is no '$network'; choose digits, lenet5, cifar-resnet20 or mobilenet_v2." >&2; exit 2 ;;
esac

profile=() fit=() evaluate=(--images 256 --full)
if [ "$network" = mobilenet_v2 ]; then  # a photograph costs as much as some forty small images
  seen=() unseen=()
  for attack in fgsm-4of255 fgsm-8of255 bim-4of255 pgd-2of255 pgd-8of255 noise-images; do seen+=(--attack "$attack"); done
  for attack in pgd-l2-0.5 deepfool patch-0.05 replaced-0.25 spatial-30; do unseen+=(--attack "$attack"); done
  profile=(--images-per-class 100) fit=(--fit-images 64 --calibration-images 350 "${seen[@]}")
  evaluate=(--images 64 --full "${seen[@]}" "${unseen[@]}")
fi

pathprint profile "${named[@]}" "${profile[@]}" --seed "$seed" --out "$out/profile"
for tier in fast standard thorough; do
  pathprint fit "$out/profile" "${fit[@]}" --tier $tier --seed "$seed" --cache "$out/attacked" --out "$out/$tier"
  pathprint evaluate "$out/$tier" --data "$from" "${evaluate[@]}" --seed $((seed + 1)) --cache "$out/attacked" \
    --report "$out/$tier.html" --json > "$out/$tier.json"
done
