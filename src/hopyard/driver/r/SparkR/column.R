# Columns, and R's operators on them.

setClass("Column", representation(jc = "jobj"))

FUNCTIONS <- "org.apache.spark.sql.functions"

is_column <- function(x) methods::is(x, "Column")

new_column <- function(jc) methods::new("Column", jc = jc)

column <- function(x) new_column(callJStatic(FUNCTIONS, "col", x))
col <- function(x, ...) {
  if (is.character(x) && !is.matrix(x)) column(x) else base::col(x, ...)
}
expr <- function(x) new_column(callJStatic(FUNCTIONS, "expr", x))

lit <- function(x) {
  if (is_column(x)) return(x)
  if (is.factor(x)) x <- as.character(x)
  if (length(x) > 1) return(do.call(create_array, as.list(x)))
  new_column(callJStatic(FUNCTIONS, "lit", x))
}

jcol <- function(x) lit(x)@jc

method <- function(x, name, ...) new_column(callJMethod(x@jc, name, ...))

sql_function <- function(name, ...) {
  new_column(callJStatic(FUNCTIONS, "call_function", name, lapply(unname(list(...)), jcol)))
}

setMethod("show", "Column", function(object) cat("Column", callJMethod(object@jc, "toString"), "\n"))

OPERATORS <- c(
  "+" = "plus", "-" = "minus", "*" = "multiply", "/" = "divide", "%%" = "mod", "==" = "equalTo",
  "!=" = "notEqual", ">" = "gt", "<" = "lt", ">=" = "geq", "<=" = "leq", "&" = "and", "|" = "or"
)

operate <- function(generic, e1, e2) {
  if (generic == "^") return(sql_function("power", e1, e2))
  if (generic == "%/%") return(sql_function("floor", method(lit(e1), "divide", jcol(e2))))
  method(lit(e1), OPERATORS[[generic]], jcol(e2))
}

setMethod("Ops", signature("Column", "ANY"), function(e1, e2) operate(.Generic, e1, e2))
setMethod("Ops", signature("ANY", "Column"), function(e1, e2) operate(.Generic, e1, e2))
setMethod("Ops", signature("Column", "Column"), function(e1, e2) operate(.Generic, e1, e2))
setMethod("+", signature("Column", "missing"), function(e1, e2) e1)
setMethod("-", signature("Column", "missing"), function(e1, e2) sql_function("negative", e1))
setMethod("!", "Column", function(x) sql_function("not", x))

MATH <- c(gamma = NA, lgamma = NA, digamma = NA, trigamma = NA, cumsum = NA, cumprod = NA, cummax = NA, cummin = NA)

setMethod("Math", "Column", function(x) {
  if (.Generic %in% names(MATH)) stop(.Generic, " is not there for columns.", call. = FALSE)
  sql_function(switch(.Generic, trunc = "bigint", ceiling = "ceil", log = "ln", .Generic), x)
})
setMethod("log", "Column", function(x, ...) {
  if (...length()) sql_function("log", ..1, x) else sql_function("ln", x)
})
setMethod("round", "Column", function(x, digits = 0) sql_function("round", x, as.integer(digits)))
setMethod("Summary", "Column", function(x, ..., na.rm = FALSE) {
  if (!.Generic %in% c("max", "min", "sum", "any", "all")) stop(.Generic, " is not there for columns.", call. = FALSE)
  sql_function(switch(.Generic, all = "every", .Generic), x)
})

setMethod("is.na", "Column", function(x) method(x, "isNull"))
setMethod("is.nan", "Column", function(x) method(x, "isNaN"))
setMethod("$", "Column", function(x, name) method(x, "getField", name))
setMethod("[", "Column", function(x, i, ...) method(x, "getItem", i))
setMethod("[[", "Column", function(x, i, ...) method(x, "getItem", i))
setMethod("length", "Column", function(x) 1L)

`%in%` <- function(x, table) {
  if (!is_column(x)) return(base::`%in%`(x, table))
  if (is.factor(table)) table <- as.character(table)
  method(x, "isin", as.list(table))
}
`%<=>%` <- function(x, value) method(x, "eqNullSafe", jcol(value))

isNull <- function(x) method(x, "isNull")
isNotNull <- function(x) method(x, "isNotNull")
isNaN <- function(x) method(x, "isNaN")
asc <- function(x) method(lit_name(x), "asc")
desc <- function(x) method(lit_name(x), "desc")
asc_nulls_first <- function(x) method(lit_name(x), "asc_nulls_first")
asc_nulls_last <- function(x) method(lit_name(x), "asc_nulls_last")
desc_nulls_first <- function(x) method(lit_name(x), "desc_nulls_first")
desc_nulls_last <- function(x) method(lit_name(x), "desc_nulls_last")
lit_name <- function(x) if (is.character(x)) column(x) else x

cast <- function(x, dataType) method(x, "cast", sql_name(dataType))
between <- function(x, bounds) {
  if (length(bounds) != 2) stop("between takes two bounds: c(lower, upper).", call. = FALSE)
  method(x, "between", bounds[[1]], bounds[[2]])
}
like <- function(x, pattern) method(x, "like", pattern)
rlike <- function(x, pattern) method(x, "rlike", pattern)
ilike <- function(x, pattern) method(x, "ilike", pattern)
contains <- function(x, value) method(x, "contains", jcol(value))
getField <- function(x, name) method(x, "getField", name)
getItem <- function(x, key) method(x, "getItem", key)
withField <- function(x, fieldName, value) method(x, "withField", fieldName, jcol(value))
dropFields <- function(x, ...) method(x, "dropFields", list(...))

startsWith <- function(x, prefix) {
  if (is_column(x)) method(x, "startsWith", jcol(prefix)) else base::startsWith(x, prefix)
}
endsWith <- function(x, suffix) {
  if (is_column(x)) method(x, "endsWith", jcol(suffix)) else base::endsWith(x, suffix)
}
substr <- function(x, start, stop) {
  if (!is_column(x)) return(base::substr(x, start, stop))
  method(x, "substr", as.integer(start), as.integer(stop - start + 1))
}

alias <- function(object, data, ...) {
  if (is_column(object)) return(method(object, "as", data))
  if (is_frame(object)) return(frame(callJMethod(object@sdf, "as", data)))
  if (missing(data)) stats::alias(object, ...) else stats::alias(object, data, ...)
}

when <- function(condition, value) {
  new_column(callJStatic(FUNCTIONS, "when", condition@jc, jcol(value)))
}
otherwise <- function(x, value) method(x, "otherwise", jcol(value))
ifelse <- function(test, yes, no) {
  if (is_column(test)) otherwise(when(test, yes), no) else base::ifelse(test, yes, no)
}
