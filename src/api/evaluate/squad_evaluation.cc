// Question answering on SQuAD.

#include <limits>

#include "api/evaluate/evaluation_run.h"

namespace roberta {

SquadAnswers answer_squad_data(const EvaluationContext& context, const SquadData& data,
                               const SquadDecoding& decoding) {
  constexpr int64_t kUsualLength = 384;
  const std::vector<SpanFeature> features = span_features(context.tokenizer, data,
                                                          {.max_length = length_of(context, kUsualLength),
                                                           .stride = decoding.doc_stride,
                                                           .max_question = decoding.max_question},
                                                          threads_of(context));
  const SquadDecodeOptions options = {.n_best = decoding.n_best,
                                      .max_answer = decoding.max_answer,
                                      .version2 = data.version2,
                                      .null_threshold = decoding.null_threshold};
  SquadAnswers out;
  out.answers.resize(data.questions.size());
  MeanLoss loss;
  // Windows of a question follow one another, but a run of the engine may end between them: logits are kept
  // until the last one.
  std::vector<std::vector<float>> logits(features.size());
  size_t first = 0;  // window of the question that is being collected
  for_runs(context, "windows", features,
           [&](size_t begin, size_t end, std::span<const Engine::Ids> sequences) {
             const Matrix all = context.engine.span_logits(sequences);
             const float* from = all.data.data();
             for (size_t i = begin; i < end; ++i) {
               logits[i].assign(from, from + 2 * features[i].ids.size());
               from += 2 * features[i].ids.size();
               if (features[i].targets.size() == 2) {
                 for (size_t which : {size_t{0}, size_t{1}}) {
                   std::vector<float> of_which;
                   for (size_t t = which; t < logits[i].size(); t += 2) of_which.push_back(logits[i][t]);
                   loss.add(cross_entropy(of_which, features[i].targets[which]));
                 }
               }
               const size_t question = features[i].example;
               if (i + 1 < features.size() && features[i + 1].example == question) continue;
               std::vector<SquadWindow> windows;
               for (size_t w = first; w <= i; ++w) windows.push_back({&features[w], logits[w]});
               out.answers[question] =
                   decode_squad(data.contexts[data.questions[question].context], windows, options);
               for (; first <= i; ++first) std::vector<float>().swap(logits[first]);
             }
           });
  out.loss = loss.mean();
  return out;
}

TaskEvaluation score_squad_answers(const SquadData& data, const SquadAnswers& answers) {
  std::vector<SquadPrediction> predictions;
  for (size_t i = 0; i < data.questions.size(); ++i) {
    SquadPrediction& prediction = predictions.emplace_back();
    for (const SquadAnswer& answer : data.questions[i].answers) prediction.golds.push_back(answer.text);
    prediction.text = answers.answers[i].text;
    prediction.no_answer = answers.answers[i].null_odds;
  }
  TaskEvaluation out;
  out.task = data.version2 ? "squad_v2" : "squad";
  out.examples = static_cast<int64_t>(predictions.size());
  out.loss = answers.loss;
  // The threshold has been applied already.
  out.metrics = squad_metrics(predictions, data.version2, std::numeric_limits<double>::infinity());
  return out;
}

TaskEvaluation evaluate_squad_data(const EvaluationContext& context, const SquadData& data,
                                   const SquadDecoding& decoding) {
  const SquadAnswers answers = answer_squad_data(context, data, decoding);
  if (context.predicted)
    for (const SquadDecoded& answer : answers.answers) context.predicted(answer.text);
  return score_squad_answers(data, answers);
}

}  // namespace roberta
