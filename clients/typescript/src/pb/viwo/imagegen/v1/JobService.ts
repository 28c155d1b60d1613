// Original file: ../../protos/viwo/imagegen/v1/job.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Batch as _viwo_imagegen_v1_Batch, Batch__Output as _viwo_imagegen_v1_Batch__Output } from '../../../viwo/imagegen/v1/Batch.js';
import type { BudgetStatusRequest as _viwo_imagegen_v1_BudgetStatusRequest, BudgetStatusRequest__Output as _viwo_imagegen_v1_BudgetStatusRequest__Output } from '../../../viwo/imagegen/v1/BudgetStatusRequest.js';
import type { BudgetStatusResponse as _viwo_imagegen_v1_BudgetStatusResponse, BudgetStatusResponse__Output as _viwo_imagegen_v1_BudgetStatusResponse__Output } from '../../../viwo/imagegen/v1/BudgetStatusResponse.js';
import type { CancelBatchRequest as _viwo_imagegen_v1_CancelBatchRequest, CancelBatchRequest__Output as _viwo_imagegen_v1_CancelBatchRequest__Output } from '../../../viwo/imagegen/v1/CancelBatchRequest.js';
import type { CancelJobRequest as _viwo_imagegen_v1_CancelJobRequest, CancelJobRequest__Output as _viwo_imagegen_v1_CancelJobRequest__Output } from '../../../viwo/imagegen/v1/CancelJobRequest.js';
import type { EstimateResponse as _viwo_imagegen_v1_EstimateResponse, EstimateResponse__Output as _viwo_imagegen_v1_EstimateResponse__Output } from '../../../viwo/imagegen/v1/EstimateResponse.js';
import type { ExportJobRequest as _viwo_imagegen_v1_ExportJobRequest, ExportJobRequest__Output as _viwo_imagegen_v1_ExportJobRequest__Output } from '../../../viwo/imagegen/v1/ExportJobRequest.js';
import type { GetBatchRequest as _viwo_imagegen_v1_GetBatchRequest, GetBatchRequest__Output as _viwo_imagegen_v1_GetBatchRequest__Output } from '../../../viwo/imagegen/v1/GetBatchRequest.js';
import type { GetJobRequest as _viwo_imagegen_v1_GetJobRequest, GetJobRequest__Output as _viwo_imagegen_v1_GetJobRequest__Output } from '../../../viwo/imagegen/v1/GetJobRequest.js';
import type { HistoryNode as _viwo_imagegen_v1_HistoryNode, HistoryNode__Output as _viwo_imagegen_v1_HistoryNode__Output } from '../../../viwo/imagegen/v1/HistoryNode.js';
import type { HistoryRequest as _viwo_imagegen_v1_HistoryRequest, HistoryRequest__Output as _viwo_imagegen_v1_HistoryRequest__Output } from '../../../viwo/imagegen/v1/HistoryRequest.js';
import type { ImportJobRequest as _viwo_imagegen_v1_ImportJobRequest, ImportJobRequest__Output as _viwo_imagegen_v1_ImportJobRequest__Output } from '../../../viwo/imagegen/v1/ImportJobRequest.js';
import type { Job as _viwo_imagegen_v1_Job, Job__Output as _viwo_imagegen_v1_Job__Output } from '../../../viwo/imagegen/v1/Job.js';
import type { JobDocument as _viwo_imagegen_v1_JobDocument, JobDocument__Output as _viwo_imagegen_v1_JobDocument__Output } from '../../../viwo/imagegen/v1/JobDocument.js';
import type { JobEvent as _viwo_imagegen_v1_JobEvent, JobEvent__Output as _viwo_imagegen_v1_JobEvent__Output } from '../../../viwo/imagegen/v1/JobEvent.js';
import type { ListJobsRequest as _viwo_imagegen_v1_ListJobsRequest, ListJobsRequest__Output as _viwo_imagegen_v1_ListJobsRequest__Output } from '../../../viwo/imagegen/v1/ListJobsRequest.js';
import type { ListJobsResponse as _viwo_imagegen_v1_ListJobsResponse, ListJobsResponse__Output as _viwo_imagegen_v1_ListJobsResponse__Output } from '../../../viwo/imagegen/v1/ListJobsResponse.js';
import type { RerunJobRequest as _viwo_imagegen_v1_RerunJobRequest, RerunJobRequest__Output as _viwo_imagegen_v1_RerunJobRequest__Output } from '../../../viwo/imagegen/v1/RerunJobRequest.js';
import type { SubmitBatchRequest as _viwo_imagegen_v1_SubmitBatchRequest, SubmitBatchRequest__Output as _viwo_imagegen_v1_SubmitBatchRequest__Output } from '../../../viwo/imagegen/v1/SubmitBatchRequest.js';
import type { SubmitJobRequest as _viwo_imagegen_v1_SubmitJobRequest, SubmitJobRequest__Output as _viwo_imagegen_v1_SubmitJobRequest__Output } from '../../../viwo/imagegen/v1/SubmitJobRequest.js';
import type { WatchJobRequest as _viwo_imagegen_v1_WatchJobRequest, WatchJobRequest__Output as _viwo_imagegen_v1_WatchJobRequest__Output } from '../../../viwo/imagegen/v1/WatchJobRequest.js';

export interface JobServiceClient extends grpc.Client {
  BudgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  BudgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  BudgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  BudgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  budgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  budgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  budgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  budgetStatus(argument: _viwo_imagegen_v1_BudgetStatusRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_BudgetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  Cancel(argument: _viwo_imagegen_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _viwo_imagegen_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _viwo_imagegen_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _viwo_imagegen_v1_CancelJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _viwo_imagegen_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _viwo_imagegen_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _viwo_imagegen_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _viwo_imagegen_v1_CancelJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  
  CancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  CancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  CancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  CancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  cancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  cancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  cancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  cancelBatch(argument: _viwo_imagegen_v1_CancelBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  
  Estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  Estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  Estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  Estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  estimate(argument: _viwo_imagegen_v1_SubmitJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_EstimateResponse__Output>): grpc.ClientUnaryCall;
  
  Export(argument: _viwo_imagegen_v1_ExportJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  Export(argument: _viwo_imagegen_v1_ExportJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  Export(argument: _viwo_imagegen_v1_ExportJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  Export(argument: _viwo_imagegen_v1_ExportJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  export(argument: _viwo_imagegen_v1_ExportJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  export(argument: _viwo_imagegen_v1_ExportJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  export(argument: _viwo_imagegen_v1_ExportJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  export(argument: _viwo_imagegen_v1_ExportJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_JobDocument__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _viwo_imagegen_v1_GetJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _viwo_imagegen_v1_GetJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _viwo_imagegen_v1_GetJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  
  GetBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  GetBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  GetBatch(argument: _viwo_imagegen_v1_GetBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  GetBatch(argument: _viwo_imagegen_v1_GetBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  getBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  getBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  getBatch(argument: _viwo_imagegen_v1_GetBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  getBatch(argument: _viwo_imagegen_v1_GetBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  
  History(argument: _viwo_imagegen_v1_HistoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  History(argument: _viwo_imagegen_v1_HistoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  History(argument: _viwo_imagegen_v1_HistoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  History(argument: _viwo_imagegen_v1_HistoryRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  history(argument: _viwo_imagegen_v1_HistoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  history(argument: _viwo_imagegen_v1_HistoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  history(argument: _viwo_imagegen_v1_HistoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  history(argument: _viwo_imagegen_v1_HistoryRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_HistoryNode__Output>): grpc.ClientUnaryCall;
  
  Import(argument: _viwo_imagegen_v1_ImportJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Import(argument: _viwo_imagegen_v1_ImportJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Import(argument: _viwo_imagegen_v1_ImportJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Import(argument: _viwo_imagegen_v1_ImportJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  import(argument: _viwo_imagegen_v1_ImportJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  import(argument: _viwo_imagegen_v1_ImportJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  import(argument: _viwo_imagegen_v1_ImportJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  import(argument: _viwo_imagegen_v1_ImportJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  
  List(argument: _viwo_imagegen_v1_ListJobsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListJobsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListJobsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _viwo_imagegen_v1_ListJobsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListJobsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListJobsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListJobsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _viwo_imagegen_v1_ListJobsRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  
  Rerun(argument: _viwo_imagegen_v1_RerunJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Rerun(argument: _viwo_imagegen_v1_RerunJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Rerun(argument: _viwo_imagegen_v1_RerunJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Rerun(argument: _viwo_imagegen_v1_RerunJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  rerun(argument: _viwo_imagegen_v1_RerunJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  rerun(argument: _viwo_imagegen_v1_RerunJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  rerun(argument: _viwo_imagegen_v1_RerunJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  rerun(argument: _viwo_imagegen_v1_RerunJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  
  Submit(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _viwo_imagegen_v1_SubmitJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _viwo_imagegen_v1_SubmitJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _viwo_imagegen_v1_SubmitJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _viwo_imagegen_v1_SubmitJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _viwo_imagegen_v1_SubmitJobRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Job__Output>): grpc.ClientUnaryCall;
  
  SubmitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  SubmitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  SubmitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  SubmitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  submitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  submitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  submitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  submitBatch(argument: _viwo_imagegen_v1_SubmitBatchRequest, callback: grpc.requestCallback<_viwo_imagegen_v1_Batch__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _viwo_imagegen_v1_WatchJobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_JobEvent__Output>;
  Watch(argument: _viwo_imagegen_v1_WatchJobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_JobEvent__Output>;
  watch(argument: _viwo_imagegen_v1_WatchJobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_JobEvent__Output>;
  watch(argument: _viwo_imagegen_v1_WatchJobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_JobEvent__Output>;
  
  WatchBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_Batch__Output>;
  WatchBatch(argument: _viwo_imagegen_v1_GetBatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_Batch__Output>;
  watchBatch(argument: _viwo_imagegen_v1_GetBatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_Batch__Output>;
  watchBatch(argument: _viwo_imagegen_v1_GetBatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_viwo_imagegen_v1_Batch__Output>;
  
}

export interface JobServiceHandlers extends grpc.UntypedServiceImplementation {
  BudgetStatus: grpc.handleUnaryCall<_viwo_imagegen_v1_BudgetStatusRequest__Output, _viwo_imagegen_v1_BudgetStatusResponse>;
  
  Cancel: grpc.handleUnaryCall<_viwo_imagegen_v1_CancelJobRequest__Output, _viwo_imagegen_v1_Job>;
  
  CancelBatch: grpc.handleUnaryCall<_viwo_imagegen_v1_CancelBatchRequest__Output, _viwo_imagegen_v1_Batch>;
  
  Estimate: grpc.handleUnaryCall<_viwo_imagegen_v1_SubmitJobRequest__Output, _viwo_imagegen_v1_EstimateResponse>;
  
  Export: grpc.handleUnaryCall<_viwo_imagegen_v1_ExportJobRequest__Output, _viwo_imagegen_v1_JobDocument>;
  
  Get: grpc.handleUnaryCall<_viwo_imagegen_v1_GetJobRequest__Output, _viwo_imagegen_v1_Job>;
  
  GetBatch: grpc.handleUnaryCall<_viwo_imagegen_v1_GetBatchRequest__Output, _viwo_imagegen_v1_Batch>;
  
  History: grpc.handleUnaryCall<_viwo_imagegen_v1_HistoryRequest__Output, _viwo_imagegen_v1_HistoryNode>;
  
  Import: grpc.handleUnaryCall<_viwo_imagegen_v1_ImportJobRequest__Output, _viwo_imagegen_v1_Job>;
  
  List: grpc.handleUnaryCall<_viwo_imagegen_v1_ListJobsRequest__Output, _viwo_imagegen_v1_ListJobsResponse>;
  
  Rerun: grpc.handleUnaryCall<_viwo_imagegen_v1_RerunJobRequest__Output, _viwo_imagegen_v1_Job>;
  
  Submit: grpc.handleUnaryCall<_viwo_imagegen_v1_SubmitJobRequest__Output, _viwo_imagegen_v1_Job>;
  
  SubmitBatch: grpc.handleUnaryCall<_viwo_imagegen_v1_SubmitBatchRequest__Output, _viwo_imagegen_v1_Batch>;
  
  Watch: grpc.handleServerStreamingCall<_viwo_imagegen_v1_WatchJobRequest__Output, _viwo_imagegen_v1_JobEvent>;
  
  WatchBatch: grpc.handleServerStreamingCall<_viwo_imagegen_v1_GetBatchRequest__Output, _viwo_imagegen_v1_Batch>;
  
}

export interface JobServiceDefinition extends grpc.ServiceDefinition {
  BudgetStatus: MethodDefinition<_viwo_imagegen_v1_BudgetStatusRequest, _viwo_imagegen_v1_BudgetStatusResponse, _viwo_imagegen_v1_BudgetStatusRequest__Output, _viwo_imagegen_v1_BudgetStatusResponse__Output>
  Cancel: MethodDefinition<_viwo_imagegen_v1_CancelJobRequest, _viwo_imagegen_v1_Job, _viwo_imagegen_v1_CancelJobRequest__Output, _viwo_imagegen_v1_Job__Output>
  CancelBatch: MethodDefinition<_viwo_imagegen_v1_CancelBatchRequest, _viwo_imagegen_v1_Batch, _viwo_imagegen_v1_CancelBatchRequest__Output, _viwo_imagegen_v1_Batch__Output>
  Estimate: MethodDefinition<_viwo_imagegen_v1_SubmitJobRequest, _viwo_imagegen_v1_EstimateResponse, _viwo_imagegen_v1_SubmitJobRequest__Output, _viwo_imagegen_v1_EstimateResponse__Output>
  Export: MethodDefinition<_viwo_imagegen_v1_ExportJobRequest, _viwo_imagegen_v1_JobDocument, _viwo_imagegen_v1_ExportJobRequest__Output, _viwo_imagegen_v1_JobDocument__Output>
  Get: MethodDefinition<_viwo_imagegen_v1_GetJobRequest, _viwo_imagegen_v1_Job, _viwo_imagegen_v1_GetJobRequest__Output, _viwo_imagegen_v1_Job__Output>
  GetBatch: MethodDefinition<_viwo_imagegen_v1_GetBatchRequest, _viwo_imagegen_v1_Batch, _viwo_imagegen_v1_GetBatchRequest__Output, _viwo_imagegen_v1_Batch__Output>
  History: MethodDefinition<_viwo_imagegen_v1_HistoryRequest, _viwo_imagegen_v1_HistoryNode, _viwo_imagegen_v1_HistoryRequest__Output, _viwo_imagegen_v1_HistoryNode__Output>
  Import: MethodDefinition<_viwo_imagegen_v1_ImportJobRequest, _viwo_imagegen_v1_Job, _viwo_imagegen_v1_ImportJobRequest__Output, _viwo_imagegen_v1_Job__Output>
  List: MethodDefinition<_viwo_imagegen_v1_ListJobsRequest, _viwo_imagegen_v1_ListJobsResponse, _viwo_imagegen_v1_ListJobsRequest__Output, _viwo_imagegen_v1_ListJobsResponse__Output>
  Rerun: MethodDefinition<_viwo_imagegen_v1_RerunJobRequest, _viwo_imagegen_v1_Job, _viwo_imagegen_v1_RerunJobRequest__Output, _viwo_imagegen_v1_Job__Output>
  Submit: MethodDefinition<_viwo_imagegen_v1_SubmitJobRequest, _viwo_imagegen_v1_Job, _viwo_imagegen_v1_SubmitJobRequest__Output, _viwo_imagegen_v1_Job__Output>
  SubmitBatch: MethodDefinition<_viwo_imagegen_v1_SubmitBatchRequest, _viwo_imagegen_v1_Batch, _viwo_imagegen_v1_SubmitBatchRequest__Output, _viwo_imagegen_v1_Batch__Output>
  Watch: MethodDefinition<_viwo_imagegen_v1_WatchJobRequest, _viwo_imagegen_v1_JobEvent, _viwo_imagegen_v1_WatchJobRequest__Output, _viwo_imagegen_v1_JobEvent__Output>
  WatchBatch: MethodDefinition<_viwo_imagegen_v1_GetBatchRequest, _viwo_imagegen_v1_Batch, _viwo_imagegen_v1_GetBatchRequest__Output, _viwo_imagegen_v1_Batch__Output>
}
