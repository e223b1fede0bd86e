# Grouped data.

setClass("GroupedData", representation(sgd = "jobj"))

is_grouped <- function(x) methods::is(x, "GroupedData")
new_group <- function(sgd) methods::new("GroupedData", sgd = sgd)

setMethod("show", "GroupedData", function(object) cat("GroupedData\n"))

groupBy <- function(x, ...) new_group(callJMethod(x@sdf, "groupBy", jcols(...)))
group_by <- groupBy
cube <- function(x, ...) new_group(callJMethod(x@sdf, "cube", jcols(...)))
rollup <- function(x, ...) new_group(callJMethod(x@sdf, "rollup", jcols(...)))

pivot <- function(x, colname, values = list()) {
  if (anyDuplicated(values)) stop("pivot: a value is there twice.", call. = FALSE)
  sgd <- if (length(values)) {
    list <- newJObject("java.util.ArrayList")
    for (value in values) callJMethod(list, "add", value)
    callJMethod(x@sgd, "pivot", colname, list)
  } else {
    callJMethod(x@sgd, "pivot", colname)
  }
  new_group(sgd)
}

# agg(x, total = sum(df$a)), agg(x, sum(df$a)) or agg(x, a = "sum")
agg <- function(x, ...) {
  if (is_frame(x)) x <- groupBy(x)
  values <- list(...)
  if (!length(values)) stop("agg: name what is to be computed.", call. = FALSE)
  names <- names(values)
  chosen <- lapply(seq_along(values), function(i) {
    value <- values[[i]]
    name <- if (is.null(names)) "" else names[i]
    if (is.character(value)) return(by_name(value, name)@jc)
    (if (nzchar(name)) alias(value, name) else value)@jc
  })
  frame(callJMethod(x@sgd, "agg", chosen[[1]], chosen[-1]))
}
by_name <- function(fun, name) {
  if (fun == "mean") fun <- "avg"
  argument <- if (name %in% c("", "*")) expr("*") else column(name)
  alias(if (name %in% c("", "*")) sql_function("count", 1L) else sql_function(fun, argument),
    paste0(fun, "(", if (nzchar(name)) name else "*", ")"))
}
summarize <- agg
summarise <- agg

grouped <- function(name, x, ...) frame(callJMethod(x@sgd, name, as.list(c(...))))
avg <- function(x, ...) if (is_grouped(x)) grouped("avg", x, ...) else sql_function("avg", x)
mean.GroupedData <- function(x, ...) grouped("mean", x, ...)
setMethod("Summary", "GroupedData", function(x, ..., na.rm = FALSE) {
  if (!.Generic %in% c("max", "min", "sum")) stop(.Generic, " is not there for grouped data.", call. = FALSE)
  grouped(.Generic, x, ...)
})
