// What the names of the clients lead to in tsconfig.alone.json. It is no module, so that to import it is an error.
declare const NOT_INSTALLED: never;
