/** What takes WebSockets; it is loaded late, because it reads variables of the program when it is loaded. */
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";

export { WebSocketServer };
