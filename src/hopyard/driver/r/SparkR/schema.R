# Schemas: a structType holds Spark's own object; its fields are read from the JSON of it.

structType <- function(x, ...) {
  if (inherits(x, "jobj")) {
    fields <- function() {
      lapply(schema_fields(x), function(field) {
        new_field(field$name, simple_type(field$type), isTRUE(field$nullable), type_words(field$type))
      })
    }
    return(structure(list(jobj = x, fields = fields), class = "structType"))
  }
  if (is.character(x)) {
    return(structType(callJStatic("org.apache.spark.sql.types.StructType", "fromDDL", paste(c(x, ...), collapse = ", "))))
  }
  fields <- list(x, ...)
  if (!all(vapply(fields, inherits, NA, "structField"))) {
    stop("structType takes a string (\"a INT, b STRING\") or values of structField().", call. = FALSE)
  }
  structType(paste(vapply(fields, field_ddl, ""), collapse = ", "))
}

structField <- function(x, type, nullable = TRUE, ...) {
  new_field(x, sql_name(type), nullable, type_words(sql_name(type)))
}

# As in SparkR, what a field has are functions.
new_field <- function(name, type, nullable, words) {
  structure(list(
    name = function() name,
    dataType.simpleString = function() type,
    dataType.toString = function() words,
    nullable = function() nullable
  ), class = "structField")
}

field_ddl <- function(field) {
  paste0(quoted(field$name()), " ", field$dataType.simpleString(), if (!field$nullable()) " NOT NULL" else "")
}

# R's names of types are allowed where SQL's are.
sql_name <- function(type) {
  known <- c(character = "string", numeric = "double", logical = "boolean", integer = "int",
    raw = "binary", POSIXct = "timestamp", Date = "date")
  if (type %in% names(known)) known[[type]] else type
}

quoted <- function(name) paste0("`", gsub("`", "``", name, fixed = TRUE), "`")

java_schema <- function(schema) {
  if (inherits(schema, "structType")) schema$jobj else structType(schema)$jobj
}

schema_fields <- function(jschema) {
  jsonlite::fromJSON(callJMethod(jschema, "json"), simplifyVector = FALSE)$fields
}

print.structType <- function(x, ...) {
  cat("StructType\n")
  for (field in schema_fields(x$jobj)) {
    cat(sprintf("|-name = \"%s\", type = \"%s\", nullable = %s\n", field$name,
      type_words(field$type), isTRUE(field$nullable)))
  }
  invisible(x)
}

print.structField <- function(x, ...) {
  cat(sprintf("StructField(name = \"%s\", type = \"%s\", nullable = %s)\n", x$name(),
    x$dataType.simpleString(), x$nullable()))
  invisible(x)
}

type_words <- function(type) {
  if (is.list(type)) {
    return(switch(type$type, array = "ArrayType", map = "MapType", struct = "StructType", type$type))
  }
  known <- c(long = "LongType", integer = "IntegerType", short = "ShortType", byte = "ByteType",
    float = "FloatType", double = "DoubleType", string = "StringType", boolean = "BooleanType",
    date = "DateType", timestamp = "TimestampType", binary = "BinaryType",
    timestamp_ntz = "TimestampNTZType")
  if (type %in% names(known)) known[[type]] else if (grepl("^decimal", type)) sub("decimal", "DecimalType", type) else type
}

schema <- function(x) structType(callJMethod(x@sdf, "schema"))

dtypes <- function(x) {
  jschema <- callJMethod(x@sdf, "schema")
  lapply(schema_fields(jschema), function(field) c(field$name, simple_type(field$type)))
}

simple_type <- function(type) {
  if (is.list(type)) {
    return(switch(type$type,
      array = paste0("array<", simple_type(type$elementType), ">"),
      map = paste0("map<", simple_type(type$keyType), ",", simple_type(type$valueType), ">"),
      struct = paste0("struct<", paste(vapply(type$fields, function(field) {
        paste0(field$name, ":", simple_type(field$type))
      }, ""), collapse = ","), ">"),
      udt = "udt"
    ))
  }
  short <- c(long = "bigint", integer = "int", short = "smallint", byte = "tinyint")
  if (type %in% names(short)) short[[type]] else type
}

r_type <- function(type) {
  if (is.list(type)) return(switch(type$type, map = "environment", "list"))
  if (grepl("^decimal", type)) return("numeric")
  switch(type, integer = , short = , byte = "integer", long = , float = , double = "numeric",
    boolean = "logical", date = "Date", timestamp = , timestamp_ntz = "POSIXct", binary = "raw", "character")
}

coltypes <- function(x) {
  vapply(schema_fields(callJMethod(x@sdf, "schema")), function(field) r_type(field$type), "")
}
