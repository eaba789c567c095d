#include "server/core/choose_model.h"

namespace roberta::server {

const ServedModel& choose_model(Exchange& exchange, std::string_view name, bool (*fits)(const ModelInfo&)) {
  if (!name.empty()) return exchange.use_model(name);
  const ServedModel& usual = exchange.use_model();
  if (fits(usual.shared->info())) return usual;
  for (const ModelStatus& status : exchange.registry.list()) {
    if (status.ready && fits(status.ready->shared->info())) return exchange.use_model(status.name);
  }
  return exchange.use_model();
}

bool is_any(const ModelInfo&) { return true; }
bool is_classifier(const ModelInfo& info) { return info.task == "text-classification"; }
bool has_vocabulary_head(const ModelInfo& info) { return info.has_mlm_head; }

}  // namespace roberta::server
