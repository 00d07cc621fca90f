/** For authors who like decorators. They work on classes constructed by `scope.construct`; plain factories need none. */
export { inject, injectable } from './scope/di.js';
