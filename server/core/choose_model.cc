#include "server/core/choose_model.h"

namespace roberta::server {

const ServedModel& choose_model(RequestContext& context, std::string_view name,
                                bool (*fits)(const ModelInfo&)) {
  if (!name.empty()) return context.use_model(name);
  const ServedModel& default_model = context.use_model();
  if (fits(default_model.shared->info())) return default_model;
  for (const ModelStatus& status : context.registry.list()) {
    if (status.ready && fits(status.ready->shared->info())) return context.use_model(status.name);
  }
  return context.use_model();
}

bool is_any(const ModelInfo&) { return true; }
bool is_classifier(const ModelInfo& info) { return info.task == "text-classification"; }
bool has_vocabulary_head(const ModelInfo& info) { return info.has_mlm_head; }

}  // namespace roberta::server
