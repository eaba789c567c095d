#pragma once
// The model of a request whose route does not name one.

#include <string_view>

#include "server/core/request_context.h"

namespace roberta::server {

/// The named model; otherwise the default model if it fits, or the first that fits; if none does, the default
/// model, and the caller reports why it can't be used. In use afterwards (RequestContext::model()).
const ServedModel& choose_model(RequestContext& context, std::string_view name,
                                bool (*fits)(const ModelInfo&));

bool is_any(const ModelInfo& info);         ///< every model can embed
bool is_classifier(const ModelInfo& info);  ///< of whole texts
bool has_vocabulary_head(const ModelInfo& info);

}  // namespace roberta::server
