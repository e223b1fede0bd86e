# Window specifications.

setClass("WindowSpec", representation(sws = "jobj"))

WINDOW <- "org.apache.spark.sql.expressions.Window"

new_spec <- function(sws) methods::new("WindowSpec", sws = sws)
is_spec <- function(x) methods::is(x, "WindowSpec")

setMethod("show", "WindowSpec", function(object) cat("WindowSpec", callJMethod(object@sws, "toString"), "\n"))

windowPartitionBy <- function(col, ...) new_spec(callJStatic(WINDOW, "partitionBy", jcols(col, ...)))
windowOrderBy <- function(col, ...) new_spec(callJStatic(WINDOW, "orderBy", jcols(col, ...)))
partitionBy <- function(x, ...) new_spec(callJMethod(x@sws, "partitionBy", jcols(...)))

rowsBetween <- function(x, start, end) new_spec(bounded(x, "rowsBetween", start, end))
rangeBetween <- function(x, start, end) new_spec(bounded(x, "rangeBetween", start, end))

# Spark takes longs, which R cannot send: beyond two thousand million rows is without a bound here.
bounded <- function(x, method, start, end) {
  callJMethod(x@sws, method, bound(start), bound(end))
}
bound <- function(value) {
  if (abs(value) < .Machine$integer.max) return(as.integer(value))
  if (value < 0) -.Machine$integer.max else .Machine$integer.max
}

over <- function(x, window) method(x, "over", window@sws)
