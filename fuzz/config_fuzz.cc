// config.json of any bytes: rejected with roberta::Error, or sizes that are valid and consistent.

#include <cstdlib>
#include <string>

#include "model/config.h"
#include "model/names.h"
#include "roberta/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const roberta::RobertaConfig config = roberta::parse_config(text, "fuzz");
    if (config.hidden_size <= 0 || config.num_attention_heads <= 0) std::abort();
    if (config.head_width() * config.num_attention_heads != config.hidden_size || config.max_length() < 1)
      std::abort();
    if (config.num_hidden_layers > 64) return 0;  // the list below is then long, and the same again
    for (const roberta::TensorSpec& spec : roberta::expected_tensors(config, roberta::HeadKind::kMaskedLm)) {
      int64_t elements = 1;
      for (const int64_t n : spec.shape) elements *= n;  // the sanitizer reports an overflow
      if (elements <= 0) std::abort();
    }
  } catch (const roberta::Error&) {
  }
  return 0;
}
