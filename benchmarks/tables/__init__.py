"""Mixed tables: synthdiff and its peers on the same split, with the same CPU seconds, judged by the same evaluator."""
