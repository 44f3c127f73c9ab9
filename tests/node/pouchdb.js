// A PouchDB in memory, served as CouchDB's API: node pouchdb.js PORT
const express = require("express");
const serve = require("express-pouchdb");
const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-mapreduce"))
  .defaults({ adapter: "memory" });

const parts = ["routes/db", "routes/all-docs", "routes/bulk-docs", "routes/documents"];
const app = express();
app.use("/", serve(PouchDB, { mode: "custom", overrideMode: { include: parts }, inMemoryConfig: true }));
app.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
