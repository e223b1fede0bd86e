# SQL functions on columns.
#
# Most are made from the table functions.txt: an R function of that name that calls Spark's. Those
# whose name or arguments differ in SparkR are written out here.

define_functions <- function(names, where) {
  for (name in names) {
    local({
      sql <- name
      assign(name, function(...) sql_function(sql, ...), envir = where)
    })
  }
}

# R has a function of this name: it gets what is not about columns.
masked <- function(name, original) {
  force(name)
  force(original)
  function(x, ...) {
    if (!missing(x) && is_column(x)) return(sql_function(name, x, ...))
    original(x, ...)
  }
}

create_array <- function(x, ...) sql_function("array", x, ...)
create_map <- function(x, ...) sql_function("map", x, ...)
negate <- function(x) sql_function("negative", x)
toDegrees <- function(x) sql_function("degrees", x)
toRadians <- function(x) sql_function("radians", x)

bitwiseNOT <- function(x) new_column(callJStatic(FUNCTIONS, "bitwise_not", x@jc))
bitwise_not <- bitwiseNOT

sd <- masked("stddev_samp", stats::sd)
var <- function(x, y = NULL, ...) if (is_column(x)) sql_function("var_samp", x) else stats::var(x, y, ...)
factorial <- masked("factorial", base::factorial)
nchar <- masked("length", base::nchar)
toupper <- masked("upper", base::toupper)
tolower <- masked("lower", base::tolower)
rev <- masked("reverse", base::rev)
trimws <- masked("trim", base::trimws)
mean.Column <- function(x, ...) sql_function("avg", x)
median.Column <- function(x, ...) sql_function("median", x)
atan2 <- function(y, x) {
  if (is_column(y) || is_column(x)) sql_function("atan2", y, x) else base::atan2(y, x)
}
rank <- function(x, ...) if (missing(x)) sql_function("rank") else base::rank(x, ...)
first <- function(x, ...) {
  if (is_frame(x)) return(frame_first(x, ...))
  edge("first", x, ...)
}
last <- function(x, ...) edge("last", x, ...)
edge <- function(name, x, na.rm = FALSE) {
  if (is.character(x)) x <- column(x)
  sql_function(name, x, na.rm)
}
n <- function(x) sql_function("count", x)
countDistinct <- function(x, ...) {
  others <- lapply(list(...), jcol)
  new_column(callJStatic(FUNCTIONS, "count_distinct", jcol(x), others))
}
n_distinct <- countDistinct
count_distinct <- countDistinct
sumDistinct <- function(x) new_column(callJStatic(FUNCTIONS, "sum_distinct", x@jc))
sum_distinct <- sumDistinct
approx_count_distinct <- function(x, rsd = 0.05) sql_function("approx_count_distinct", x, rsd)
approxCountDistinct <- approx_count_distinct
percentile_approx <- function(x, percentage, accuracy = 10000) {
  sql_function("percentile_approx", x, percentage, as.integer(accuracy))
}
monotonically_increasing_id <- function() sql_function("monotonically_increasing_id")
rand <- function(seed) if (missing(seed)) sql_function("rand") else sql_function("rand", as.integer(seed))
randn <- function(seed) if (missing(seed)) sql_function("randn") else sql_function("randn", as.integer(seed))
not <- function(x) sql_function("not", x)

lag <- function(x, ...) {
  if (!is_column(x) && !is.character(x)) return(stats::lag(x, ...))
  shifted("lag", x, ...)
}
lead <- function(x, offset = 1, defaultValue = NULL, ...) shifted("lead", x, offset, defaultValue)
shifted <- function(name, x, offset = 1, defaultValue = NULL) {
  sql_function(name, lit_name(x), as.integer(offset), defaultValue)
}
ntile <- function(x) sql_function("ntile", as.integer(x))
nth_value <- function(x, offset, na.rm = FALSE) {
  new_column(callJStatic(FUNCTIONS, "nth_value", lit_name(x)@jc, as.integer(offset), na.rm))
}

window <- function(x, ...) {
  if (!is_column(x)) return(stats::window(x, ...))
  time_window(x, ...)
}
time_window <- function(x, windowDuration, slideDuration = windowDuration, startTime = "0 second") {
  new_column(callJStatic(FUNCTIONS, "window", x@jc, windowDuration, slideDuration, startTime))
}
session_window <- function(x, gapDuration) sql_function("session_window", x, gapDuration)

# In SparkR the column comes first and the format second; whole numbers are integers for Spark.
whole <- function(x) if (is.numeric(x)) as.integer(x) else x
date_add <- function(y, x) sql_function("date_add", y, whole(x))
date_sub <- function(y, x) sql_function("date_sub", y, whole(x))
add_months <- function(y, x) sql_function("add_months", y, whole(x))
format_number <- function(y, x) sql_function("format_number", y, whole(x))
sha2 <- function(y, x) sql_function("sha2", y, whole(x))
shiftleft <- function(y, x) sql_function("shiftleft", y, whole(x))
shiftLeft <- shiftleft
shiftright <- function(y, x) sql_function("shiftright", y, whole(x))
shiftRight <- shiftright
shiftrightunsigned <- function(y, x) sql_function("shiftrightunsigned", y, whole(x))
shiftRightUnsigned <- shiftrightunsigned
conv <- function(x, fromBase, toBase) sql_function("conv", x, whole(fromBase), whole(toBase))
lpad <- function(x, len, pad) sql_function("lpad", x, whole(len), pad)
rpad <- function(x, len, pad) sql_function("rpad", x, whole(len), pad)
locate <- function(substr, str, pos = 1) sql_function("locate", substr, str, whole(pos))
repeat_string <- function(x, n) sql_function("repeat", x, whole(n))
split_string <- function(x, pattern, limit = -1) sql_function("split", x, pattern, whole(limit))
substring_index <- function(x, delim, count) sql_function("substring_index", x, delim, whole(count))
substring <- function(text, first, last = 1000000L) {
  if (is_column(text)) substr(text, first, last) else base::substring(text, first, last)
}
overlay <- function(x, replace, pos, len = -1) sql_function("overlay", x, replace, whole(pos), whole(len))
regexp_extract <- function(x, pattern, idx = 1) sql_function("regexp_extract", x, pattern, whole(idx))
bround <- function(x, scale = 0) sql_function("bround", x, whole(scale))
element_at <- function(x, extraction) sql_function("element_at", x, whole(extraction))
slice <- function(x, start, length) sql_function("slice", x, whole(start), whole(length))
array_repeat <- function(x, count) sql_function("array_repeat", x, whole(count))
array_position <- function(x, value) sql_function("array_position", x, value)
sort_array <- function(x, asc = TRUE) sql_function("sort_array", x, asc)
concat_ws <- function(sep, x, ...) sql_function("concat_ws", sep, x, ...)
format_string <- function(format, x, ...) sql_function("format_string", format, x, ...)
unix_timestamp <- function(x, format) {
  if (missing(x)) sql_function("unix_timestamp")
  else if (missing(format)) sql_function("unix_timestamp", x) else sql_function("unix_timestamp", x, format)
}
trim_with <- function(side, x, trimString) {
  if (missing(trimString)) sql_function(side, x) else new_column(callJStatic(FUNCTIONS, side, x@jc, trimString))
}
trim <- function(x, trimString) trim_with("trim", x, trimString)
ltrim <- function(x, trimString) trim_with("ltrim", x, trimString)
rtrim <- function(x, trimString) trim_with("rtrim", x, trimString)
struct <- function(x, ...) sql_function("struct", lit_name(x), ...)
from_json <- function(x, schema, as.json.array = FALSE, ...) {
  text <- if (inherits(schema, "structType")) callJMethod(schema$jobj, "sql") else schema
  if (is_column(text)) return(sql_function("from_json", x, text))
  if (!grepl("^(STRUCT|ARRAY|MAP)<", text, ignore.case = TRUE)) text <- paste0("STRUCT<", text, ">")
  if (as.json.array) text <- paste0("ARRAY<", text, ">")
  with_options("from_json", list(x, text), list(...))
}
to_json <- function(x, ...) {
  if (is_frame(x)) return(toJSON(x))
  with_options("to_json", list(x), list(...))
}
from_csv <- function(x, schema, ...) with_options("from_csv", list(x, schema), list(...))
to_csv <- function(x, ...) with_options("to_csv", list(x), list(...))
schema_of_json <- function(x, ...) with_options("schema_of_json", list(x), list(...))
schema_of_csv <- function(x, ...) with_options("schema_of_csv", list(x), list(...))
with_options <- function(name, arguments, options) {
  if (length(options)) {
    pairs <- as.list(rbind(names(options), vapply(options, option_text, "")))
    arguments <- c(arguments, list(do.call(create_map, pairs)))
  }
  do.call(sql_function, c(name, arguments))
}

# --- functions of arrays and maps that take an R function ------------------------------------------

INTERNAL <- "org.apache.spark.sql.internal."

lambda <- function(f) {
  count <- length(formals(args(f)))
  if (count < 1 || count > 3) stop("A function of one to three columns is needed.", call. = FALSE)
  origin <- callJStatic("org.apache.spark.sql.catalyst.trees.CurrentOrigin", "get")
  .backend$lambdas <- (if (is.null(.backend$lambdas)) 0L else .backend$lambdas) + 1L
  variables <- lapply(c("x", "y", "z")[seq_len(count)], function(name) {
    newJObject(paste0(INTERNAL, "UnresolvedNamedLambdaVariable"), paste0(name, "_", .backend$lambdas), origin)
  })
  columns <- lapply(variables, function(node) new_column(newJObject("org.apache.spark.sql.Column", node)))
  body <- lit(do.call(f, columns))
  node <- newJObject(paste0(INTERNAL, "LambdaFunction"), callJMethod(body@jc, "node"), variables, origin)
  new_column(newJObject("org.apache.spark.sql.Column", node))
}

array_transform <- function(x, f) sql_function("transform", x, lambda(f))
array_filter <- function(x, f) sql_function("filter", x, lambda(f))
array_exists <- function(x, f) sql_function("exists", x, lambda(f))
array_forall <- function(x, f) sql_function("forall", x, lambda(f))
array_aggregate <- function(x, initialValue, merge, finish = NULL) {
  if (is.null(finish)) return(sql_function("aggregate", x, initialValue, lambda(merge)))
  sql_function("aggregate", x, initialValue, lambda(merge), lambda(finish))
}
array_sort <- function(x, comparator = NULL) {
  if (is.null(comparator)) sql_function("array_sort", x) else sql_function("array_sort", x, lambda(comparator))
}
arrays_zip_with <- function(x, y, f) sql_function("zip_with", x, y, lambda(f))
map_filter <- function(x, f) sql_function("map_filter", x, lambda(f))
map_zip_with <- function(x, y, f) sql_function("map_zip_with", x, y, lambda(f))
transform_keys <- function(x, f) sql_function("transform_keys", x, lambda(f))
transform_values <- function(x, f) sql_function("transform_values", x, lambda(f))
