#pragma once
// The usual columns of texts and labels, for files without column options.

#include <string>

#include "tasks/datasets/text_data.h"

namespace roberta {

/// The names that a column is looked for by, where none is given; the first one in the header counts. With a
/// given first text and no second one, texts are single.
TextColumns usual_text_columns(const std::string& first, const std::string& second, const std::string& label);

}  // namespace roberta
