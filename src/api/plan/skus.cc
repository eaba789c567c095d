// The machine sizes that the model card names, and its lists of them.

#include <algorithm>
#include <tuple>

#include "core/error.h"
#include "roberta/plan.h"

namespace roberta {
namespace {

constexpr unsigned kI = 1, kE = 2, kF = 4;  // allowed for inference, evaluation, fine-tuning

struct Row {
  MachineSku sku;
  unsigned lists;
};

// vCPUs, GPUs, memory GiB, local disk GiB: from the vendor's public tables of sizes as of 2026, which may
// change. The tests compare the minima of each list with those that the model card states.
constexpr Row kRows[] = {
    {{"Standard_DS12_v2", {4, 0, 28, 56}}, kE},
    {{"Standard_DS5_v2", {16, 0, 56, 112}}, kI | kE},
    {{"Standard_D16a_v4", {16, 0, 64, 400}}, kI | kE},
    {{"Standard_D32a_v4", {32, 0, 128, 800}}, kI | kE},
    {{"Standard_D48a_v4", {48, 0, 192, 1200}}, kI | kE},
    {{"Standard_D64a_v4", {64, 0, 256, 1600}}, kI | kE},
    {{"Standard_D96a_v4", {96, 0, 384, 2400}}, kI | kE},
    {{"Standard_D16as_v4", {16, 0, 64, 128}}, kI | kE},
    {{"Standard_D32as_v4", {32, 0, 128, 256}}, kI | kE},
    {{"Standard_D48as_v4", {48, 0, 192, 384}}, kI | kE},
    {{"Standard_D64as_v4", {64, 0, 256, 512}}, kI | kE},
    {{"Standard_D96as_v4", {96, 0, 384, 768}}, kI | kE},
    {{"Standard_F8s_v2", {8, 0, 16, 64}}, kI},
    {{"Standard_F16s_v2", {16, 0, 32, 128}}, kI | kE},
    {{"Standard_F32s_v2", {32, 0, 64, 256}}, kI | kE},
    {{"Standard_F48s_v2", {48, 0, 96, 384}}, kI | kE},
    {{"Standard_F64s_v2", {64, 0, 128, 512}}, kI | kE},
    {{"Standard_F72s_v2", {72, 0, 144, 576}}, kI | kE},
    {{"Standard_FX4mds", {4, 0, 84, 168}}, kI | kE},
    {{"Standard_FX12mds", {12, 0, 252, 504}}, kI | kE},
    {{"Standard_FX24mds", {24, 0, 504, 1008}}, kI | kE},
    {{"Standard_FX36mds", {36, 0, 756, 1512}}, kI | kE},
    {{"Standard_FX48mds", {48, 0, 1008, 2016}}, kI | kE},
    {{"Standard_E4s_v3", {4, 0, 32, 64}}, kI | kE},
    {{"Standard_E8s_v3", {8, 0, 64, 128}}, kI | kE},
    {{"Standard_E16s_v3", {16, 0, 128, 256}}, kI | kE},
    {{"Standard_E32s_v3", {32, 0, 256, 512}}, kI | kE},
    {{"Standard_E48s_v3", {48, 0, 384, 768}}, kI | kE},
    {{"Standard_E64s_v3", {64, 0, 432, 864}}, kI | kE},
    {{"Standard_NC4as_T4_v3", {4, 1, 28, 176}}, kI | kE | kF},
    {{"Standard_NC8as_T4_v3", {8, 1, 56, 352}}, kI | kE | kF},
    {{"Standard_NC16as_T4_v3", {16, 1, 110, 352}}, kI | kE | kF},
    {{"Standard_NC64as_T4_v3", {64, 4, 440, 2816}}, kI | kE | kF},
    {{"Standard_NC6s_v3", {6, 1, 112, 736}}, kI | kE | kF},
    {{"Standard_NC12s_v3", {12, 2, 224, 1474}}, kI | kE | kF},
    {{"Standard_NC24s_v3", {24, 4, 448, 2948}}, kI | kE | kF},
    {{"Standard_NC24rs_v3", {24, 4, 448, 2948}}, kF},
    {{"Standard_NC24ads_A100_v4", {24, 1, 220, 64}}, kI | kE | kF},
    {{"Standard_NC48ads_A100_v4", {48, 2, 440, 128}}, kI | kE | kF},
    {{"Standard_NC96ads_A100_v4", {96, 4, 880, 256}}, kI | kE | kF},
    {{"Standard_ND40rs_v2", {40, 8, 672, 2948}}, kI | kE | kF},
    {{"Standard_ND96asr_v4", {96, 8, 900, 6000}}, kI | kE | kF},
    {{"Standard_ND96amsr_A100_v4", {96, 8, 1900, 6400}}, kI | kE | kF},
    {{"Standard_NV12s_v3", {12, 1, 112, 320}}, kF},
    {{"Standard_NV24s_v3", {24, 2, 224, 640}}, kF},
    {{"Standard_NV48s_v3", {48, 4, 448, 1280}}, kF},
};

unsigned bit_of(AllowList list) { return 1u << static_cast<unsigned>(list); }

auto order_of(const MachineSku& sku) {
  const MachineSize& size = sku.size;
  return std::tuple(size.gpus, size.vcpus, size.memory_gib, size.disk_gib, sku.name);
}

}  // namespace

std::string to_text(const MachineSize& size) {
  return concat(size.vcpus, "|", size.gpus, "|", size.memory_gib, "|", size.disk_gib);
}

const char* name_of(AllowList list) {
  switch (list) {
    case AllowList::kInference:
      return "inference";
    case AllowList::kEvaluation:
      return "evaluation";
    case AllowList::kFinetuning:
      return "fine-tuning";
  }
  return "";
}

std::vector<MachineSku> allowed_skus(AllowList list) {
  std::vector<MachineSku> skus;
  for (const Row& row : kRows) {
    if (row.lists & bit_of(list)) skus.push_back(row.sku);
  }
  std::sort(skus.begin(), skus.end(),
            [](const MachineSku& a, const MachineSku& b) { return order_of(a) < order_of(b); });
  return skus;
}

MachineSize minimum_size(AllowList list) {
  const std::vector<MachineSku> skus = allowed_skus(list);
  MachineSize minimum = skus.front().size;
  for (const MachineSku& sku : skus) {
    minimum.vcpus = std::min(minimum.vcpus, sku.size.vcpus);
    minimum.gpus = std::min(minimum.gpus, sku.size.gpus);
    minimum.memory_gib = std::min(minimum.memory_gib, sku.size.memory_gib);
    minimum.disk_gib = std::min(minimum.disk_gib, sku.size.disk_gib);
  }
  return minimum;
}

}  // namespace roberta
