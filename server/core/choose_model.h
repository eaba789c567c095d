#pragma once
// Which model a request is for, where its route doesn't say.

#include <string_view>

#include "server/core/exchange.h"

namespace roberta::server {

/// The named one; or the default one when it fits; or the first that does; or, as none does, the default one:
/// the caller says what is wrong with it. In use thereafter (Exchange::model()).
const ServedModel& choose_model(Exchange& exchange, std::string_view name, bool (*fits)(const ModelInfo&));

bool is_any(const ModelInfo& info);         ///< every model gives vectors
bool is_classifier(const ModelInfo& info);  ///< of whole texts
bool has_vocabulary_head(const ModelInfo& info);

}  // namespace roberta::server
